"""Signals with their trace, drawn over any bars, for looking at pictures and testing them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.domain.signal import Confluence, Signal, TraceStep
from pipeline.domain.trade import EntryType, ExitReason, Plan, Target, Trade


def instrument(symbol: str, digits: int, point: float, tick: float) -> Instrument:
    return Instrument(
        symbol=symbol, title=symbol, point=point, tick_size=tick, digits=digits, point_value=1.0,
        currency="EUR", spread_points=(1.0,) * 24, slippage_points=0.5, cash_session="xetra",
        calendar="fx", source="test",
    )  # fmt: skip


EURUSD = instrument("EURUSD", 5, 0.0001, 0.00001)
GER40 = instrument("GER40", 1, 1.0, 0.1)
BTCUSD = instrument("BTCUSD", 2, 1.0, 0.01)


def walk(rng: np.random.Generator, n: int, timeframe: Timeframe, price: float) -> pd.DataFrame:
    """Bars of a random walk around a price."""
    step = price * 3e-4
    close = price + np.cumsum(rng.normal(0, step, n))
    opened = np.concatenate([[price], close[:-1]])
    high = np.maximum(opened, close) + rng.exponential(step / 2, n)
    low = np.minimum(opened, close) - rng.exponential(step / 2, n)
    times = pd.date_range("2024-03-11 06:00", periods=n, freq=timeframe.delta, tz="UTC")
    return bar_frame(times, timeframe, np.column_stack([opened, high, low, close]))


def opened(bars: pd.DataFrame, row: int) -> datetime:
    return bars["open_time"].iloc[row].to_pydatetime()


def closed(bars: pd.DataFrame, row: int) -> datetime:
    return bars["close_time"].iloc[row].to_pydatetime()


def raid_case(
    bars: pd.DataFrame,
    timeframe: Timeframe,
    thing: Instrument,
    rows: tuple[int, int, int, int],
    side: Side,
    *,
    entry: EntryType = EntryType.MARKET,
    kinds: tuple[str, ...] = ("range", "sweep", "gap"),
    targets: tuple[float, ...] = (2.0,),
    setup_id: str = "Frank_raid_v1",
) -> tuple[Signal, Plan]:
    """A raid of the range of rows [a, b), swept from c, known at the close of d."""
    a, b, c, d = rows
    low, high = float(bars["low"].iloc[a:b].min()), float(bars["high"].iloc[a:b].max())
    long = side is Side.LONG
    level = low if long else high
    part = bars.iloc[c : d + 1]
    extreme = float(part["low"].min() if long else part["high"].max())
    close = float(bars["close"].iloc[d])
    risk = max(abs(close - extreme), 5 * thing.tick_size) * 1.1
    stop = close - side.sign * risk
    middle = float(bars["open"].iloc[c])
    gap = sorted((middle, middle + 0.35 * (close - middle or risk)))
    steps = {
        "range": TraceStep(
            step="range", kind="range", event="formed", start=opened(bars, a),
            known_at=closed(bars, b - 1), price_low=low, price_high=high,
            note="Frankfurt range complete", values={"coverage": 1.0},
        ),
        "level": TraceStep(
            step="day_high", kind="level", event="formed", start=opened(bars, a),
            known_at=closed(bars, b - 1), price_low=high, price_high=high,
        ),
        "sweep": TraceStep(
            step="reclaim", kind="sweep", event="reclaimed", start=opened(bars, c),
            known_at=closed(bars, max(c, d - 2)), price_low=min(level, extreme),
            price_high=max(level, extreme), values={"level": level, "extreme": extreme},
        ),
        "gap": TraceStep(
            step="inversion", kind="gap", event="inverted", start=opened(bars, max(c - 2, 0)),
            known_at=closed(bars, d), price_low=gap[0], price_high=gap[1],
        ),
        "structure": TraceStep(
            step="confirmation", kind="structure", event="choch", start=opened(bars, max(c - 4, 0)),
            known_at=closed(bars, d), price_low=gap[1], price_high=gap[1],
            values={"level": gap[1]},
        ),
        "pattern": TraceStep(
            step="engulfing", kind="pattern", event="engulfing", start=opened(bars, max(d - 1, 0)),
            known_at=closed(bars, d), price_low=float(bars["low"].iloc[d]),
            price_high=float(bars["high"].iloc[d]),
        ),
    }  # fmt: skip
    aim = [close + side.sign * risk * r for r in targets]
    limit = close - side.sign * 0.25 * risk if entry is EntryType.LIMIT else close
    signal = Signal(
        signal_id="sig_20240311_001", symbol=thing.symbol, tf=timeframe, side=side,
        entry_price=limit, sl_price=stop, tp_price=aim[-1], confidence=0.8, setup_id=setup_id,
        rule_version="1.0", known_at=closed(bars, d), day=str(opened(bars, d).date()),
        trace=tuple(steps[kind] for kind in kinds),
        confluences=(Confluence(name="trend", weight=1, met=True),),
    )  # fmt: skip
    share = 1 / len(aim)
    plan = Plan(
        signal_id=signal.signal_id, side=side, known_at=signal.known_at, entry_type=entry,
        entry_price=limit, sl_price=stop,
        targets=tuple(Target(price=price, share=share) for price in aim),
        expires_at=signal.known_at + 30 * timeframe.delta,
        flat_at=signal.known_at + 400 * timeframe.delta,
    )  # fmt: skip
    return signal, plan


def trade_of(
    plan: Plan, bars: pd.DataFrame, rows: tuple[int, int], price: float, reason: ExitReason
) -> Trade:
    """A trade entered at the plan's price in row a and closed at `price` in row b."""
    risk = abs(plan.entry_price - plan.sl_price)
    rr = (price - plan.entry_price) * plan.side.sign / risk
    return Trade(
        trade_id="t0001", signal_id=plan.signal_id, side=plan.side,
        entry_time=opened(bars, rows[0]), entry_price=plan.entry_price,
        exit_time=opened(bars, rows[1]), exit_price=price, exit_reason=reason,
        sl_price=plan.sl_price, tp_price=plan.targets[-1].price, lots=1.0, pnl_points=rr * 10,
        pnl=rr * 10, rr=rr, mae=min(rr, 0), mfe=max(rr, 0), cost=1.0, ambiguous=False,
        rr_worst=rr, rr_best=rr,
    )  # fmt: skip


def trades_drawn(rng: np.random.Generator, n: int, ambiguous: float = 0.1) -> list[Trade]:
    """n trades over a year with drawn results, some ambiguous."""
    moments = np.sort(rng.integers(0, 360 * 86400, n))
    found = []
    for i in range(n):
        start = datetime(2024, 1, 2, 8, tzinfo=UTC) + timedelta(seconds=int(moments[i]))
        rr = float(rng.choice([-1.05, 1.93], p=[0.62, 0.38]))
        doubt = bool(rng.random() < ambiguous)
        found.append(
            Trade(
                trade_id=f"t{i + 1:04d}", signal_id=f"s{i}", side=Side.LONG, entry_time=start,
                entry_price=100.0, exit_time=start + timedelta(minutes=42), exit_price=101.0,
                exit_reason=ExitReason.TP if rr > 0 else ExitReason.SL, sl_price=99.0,
                tp_price=102.0, lots=1.0, pnl_points=rr, pnl=rr * 25, rr=rr, mae=-0.5, mfe=1.0,
                cost=1.0, ambiguous=doubt, rr_worst=-1.05 if doubt else rr,
                rr_best=1.93 if doubt else rr,
            )
        )  # fmt: skip
    return found
