"""Made-up signals and past cases of one setup, for what counts and ranks them."""

from datetime import UTC, datetime, timedelta

from pipeline.domain.market import Side, Timeframe
from pipeline.domain.signal import Confluence, Signal, TraceStep
from pipeline.domain.trade import EntryType, ExitReason, Plan, Target, Trade
from pipeline.live.cases import PastCase

FIRST = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
BAR = Timeframe.M5.delta


def made_signal(
    at: datetime = FIRST,
    side: Side = Side.LONG,
    met: tuple[bool, ...] = (True, False),
    *,
    depth: float | None = 0.5,
    risk: float = 10.0,
    ago: int = 4,
) -> Signal:
    """A sweep `ago` bars before the signal, `depth` ATR deep, one risk beyond the entry."""
    entry = 20_000.0
    stop = entry - side.sign * risk
    prices = sorted((stop, entry - side.sign * 0.5 * risk))
    sweep = TraceStep(
        step="sweep", kind="sweep", event="reclaimed", start=at - (ago + 2) * BAR,
        known_at=at - ago * BAR, price_low=prices[0], price_high=prices[1],
        values={"depth_atr": depth, "bars_outside": 2},
    )  # fmt: skip
    last = TraceStep(
        step="entry", kind="entry", event="market", start=at - BAR, known_at=at,
        price_low=entry, price_high=entry,
    )  # fmt: skip
    return Signal(
        signal_id=f"sig_{at:%Y%m%d}_001", symbol="GER40", tf=Timeframe.M5, side=side,
        entry_price=entry, sl_price=stop, tp_price=entry + side.sign * 2 * risk,
        confidence=sum(met) / len(met) if met else 1.0, setup_id="Frank_raid_v1",
        rule_version="1.0", known_at=at, day=f"{at:%Y-%m-%d}", trace=(sweep, last),
        confluences=tuple(
            Confluence(name=f"c{n}", weight=1, met=yes) for n, yes in enumerate(met)
        ),
    )  # fmt: skip


def made_plan(signal: Signal) -> Plan:
    """The plan of a made signal."""
    return Plan(
        signal_id=signal.signal_id, side=signal.side, known_at=signal.known_at,
        entry_type=EntryType.MARKET, entry_price=signal.entry_price, sl_price=signal.sl_price,
        targets=(Target(price=signal.tp_price, share=1.0),),
    )  # fmt: skip


def made_case(signal: Signal, rr: float, lasted: timedelta = timedelta(hours=1)) -> PastCase:
    """A signal that ended `lasted` after it was known: at the target with `rr` of 2, else not."""
    ended = signal.known_at + lasted
    trade = Trade(
        trade_id="t0001", signal_id=signal.signal_id, side=signal.side,
        entry_time=signal.known_at, entry_price=signal.entry_price, exit_time=ended - BAR,
        exit_price=signal.tp_price if rr >= 2 else signal.sl_price,
        exit_reason=ExitReason.TP if rr >= 2 else ExitReason.SL,
        sl_price=signal.sl_price, tp_price=signal.tp_price, lots=1.0, pnl_points=rr * 10,
        pnl=rr * 10, rr=rr, mae=-0.5, mfe=max(rr, 0.0), cost=0.0, ambiguous=False,
        rr_worst=rr, rr_best=rr,
    )  # fmt: skip
    return PastCase(signal=signal, plan=made_plan(signal), trade=trade, resolved_at=ended)
