"""Seeded random markets and plans for the fill tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame, epoch_seconds
from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.domain.trade import EntryType, Plan, Target
from tests.kit.fill_twin import Bar

INSTRUMENT = Instrument(
    symbol="TEST",
    title="A test market",
    point=1.0,
    tick_size=0.1,
    digits=1,
    point_value=10.0,
    currency="EUR",
    spread_points=(0.4,) * 24,
    slippage_points=0.2,
    cash_session="xetra",
    calendar="index_xetra",
    source="made for tests",
)
START = datetime(2025, 3, 3, 8, tzinfo=UTC)


def random_minutes(rng: np.random.Generator, n: int, *, holes: float = 0.02) -> pd.DataFrame:
    """A random walk on M1 with wicks, jumps between bars and missing minutes; own spreads."""
    moves = rng.normal(0, 1.0, n) * rng.choice([1.0, 3.0], n, p=[0.9, 0.1])
    close = 1000 + np.cumsum(moves)
    opened = np.concatenate([[1000.0], close[:-1]]) + rng.choice([0.0, 1.0], n) * rng.normal(
        0, 0.5, n
    )
    high = np.maximum(opened, close) + rng.exponential(0.6, n)
    low = np.minimum(opened, close) - rng.exponential(0.6, n)
    prices = np.round(np.column_stack([opened, high, low, close]), 1)
    prices[:, 1] = prices.max(axis=1)
    prices[:, 2] = prices.min(axis=1)
    keep = rng.random(n) >= holes
    times = pd.date_range(START, periods=n, freq="min")[keep]
    spread = np.round(rng.uniform(0, 0.8, n), 1)[keep]
    return bar_frame(times, Timeframe.M1, prices[keep], spread=spread)


def five_minutes(minutes: pd.DataFrame) -> pd.DataFrame:
    """Aggregate M1 to M5 plainly; the bar's spread is its first minute's."""
    group = minutes.groupby(minutes["open_time"].dt.floor("5min"))
    table = group.agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        spread=("spread", "first"),
    )
    prices = table[["open", "high", "low", "close"]].to_numpy()
    return bar_frame(
        pd.DatetimeIndex(table.index), Timeframe.M5, prices, spread=table["spread"].to_numpy()
    )


def random_plans(rng: np.random.Generator, bars: pd.DataFrame, n: int) -> list[Plan]:
    """Plans of every kind at drawn bars: market and limit, one or two targets, all the rules."""
    return [_random_plan(rng, bars, k) for k in range(n)]


def _random_plan(rng: np.random.Generator, bars: pd.DataFrame, k: int) -> Plan:
    row = int(rng.integers(0, len(bars) - 2))
    known: datetime = bars["close_time"].iloc[row].to_pydatetime()
    side = Side.LONG if rng.random() < 0.5 else Side.SHORT
    limit = rng.random() < 0.5
    entry = bars["close"].iloc[row] - (side.sign * rng.exponential(1.5) if limit else 0.0)
    risk = rng.exponential(4.0) + 0.3
    rr = rng.uniform(0.3, 3.0)
    targets = [Target(price=round(entry + side.sign * risk * rr, 1), share=1.0)]
    if rng.random() < 0.5:
        far = round(entry + side.sign * risk * (rr + rng.uniform(0.2, 2)), 1)
        targets = [Target(price=targets[0].price, share=0.5), Target(price=far, share=0.5)]

    def maybe(value: object, chance: float = 0.3) -> object:
        return value if rng.random() < chance else None

    def later(most: int) -> datetime:
        return known + timedelta(minutes=int(rng.integers(1, most)))

    return Plan(
        signal_id=f"s{k:05d}",
        side=side,
        known_at=known,
        entry_type=EntryType.LIMIT if limit else EntryType.MARKET,
        entry_price=round(entry, 1),
        sl_price=round(entry - side.sign * risk, 1),
        targets=tuple(targets),
        expires_at=maybe(later(120)),
        flat_at=maybe(later(400), 0.5),
        max_hold_until=maybe(later(300)),
        break_even_after_first=bool(rng.random() < 0.6),
        void_touch_below=maybe(round(entry - rng.exponential(5), 1)),
        void_touch_above=maybe(round(entry + rng.exponential(5), 1)),
        void_close_below=maybe(round(entry - rng.exponential(5), 1)),
        void_close_above=maybe(round(entry + rng.exponential(5), 1)),
    )


def twin_bars(bars: pd.DataFrame, timeframe: Timeframe) -> list[Bar]:
    """The frame as the twin reads it."""
    opened = epoch_seconds(bars["open_time"]).astype(float)
    columns = (bars[c] for c in ("open", "high", "low", "close", "spread"))
    rows = zip(opened, *columns, strict=True)
    return [Bar(t, t + timeframe.minutes * 60, o, h, low, c, s) for t, o, h, low, c, s in rows]
