"""Live signals made by hand, for what happens after an alert."""

from datetime import UTC, datetime, timedelta

from pipeline.domain.live import (
    LIVE,
    ConfidenceBreakdown,
    Decision,
    DecisionKind,
    LiveSignal,
    Receipt,
)
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.signal import Signal, TraceStep
from pipeline.domain.trade import EntryType, Plan, Target
from pipeline.live.ticket import ticket_hash

CLOSE = datetime(2025, 3, 10, 9, 0, tzinfo=UTC)


def hand_made(
    known_at: datetime = CLOSE,
    side: Side = Side.LONG,
    *,
    symbol: str = "EURUSD",
    tf: Timeframe = Timeframe.M5,
    setup_id: str = "Frank_raid_v1",
    entry: float = 1.1,
    risk: float = 0.001,
    kind: DecisionKind = DecisionKind.APPROVED,
    confidence: float = 0.8,
    origin: str = LIVE,
    **plan: object,
) -> LiveSignal:
    """Return a draft: a market order with the stop one `risk` away and the target two.

    `plan` replaces fields of the plan; a first and second target come as a tuple of prices.
    """
    stop, target = entry - side.sign * risk, entry + side.sign * 2 * risk
    prices = plan.pop("targets", (target,))
    share = 1.0 / len(prices)
    name = f"sig_{known_at:%Y%m%d}_{known_at:%H%M}"
    order = Plan.model_validate(
        {
            "signal_id": name, "side": side, "known_at": known_at,
            "entry_type": EntryType.MARKET, "entry_price": entry, "sl_price": stop,
            "targets": tuple(Target(price=p, share=share) for p in prices), **plan,
        }
    )  # fmt: skip
    sweep = TraceStep(
        step="sweep", kind="sweep", event="reclaimed", start=known_at - 4 * tf.delta,
        known_at=known_at - tf.delta, price_low=min(entry, stop), price_high=max(entry, stop),
    )  # fmt: skip
    signal = Signal(
        signal_id=name, symbol=symbol, tf=tf, side=side, entry_price=order.entry_price,
        sl_price=order.sl_price, tp_price=order.targets[-1].price, confidence=confidence,
        setup_id=setup_id, rule_version="1.0", known_at=known_at, day=f"{known_at:%Y-%m-%d}",
        trace=(sweep,),
    )  # fmt: skip
    moment = known_at + timedelta(seconds=1)
    return LiveSignal(
        origin=origin, run_id="live_2025_03_10_001", signal=signal, plan=order,
        ticket=ticket_hash(signal, order),
        decision=Decision(
            decision=kind, confidence_breakdown=ConfidenceBreakdown(rules=confidence)
        ),
        receipt=Receipt(
            closed_at=known_at, data_at=moment, detected_at=moment, decided_at=moment
        ),
    )  # fmt: skip
