"""Nights cost or pay: counted by New York's clock, three at the weekend, in shares."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.backtest.engine import simulate
from pipeline.backtest.metrics import metrics
from pipeline.backtest.nights import nights_charged
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Side, Swap, Timeframe
from pipeline.domain.trade import CostModel, EntryType, FillMode, Plan, Target, Trade
from tests.kit.fill_cases import INSTRUMENT, random_minutes, random_plans, twin_bars
from tests.kit.fill_twin import follow, rolls

FX = Swap(long=-1.0, short=0.4)
INDEX = Swap(long=-4.5, short=-0.5, unit="percent", triple_day="friday")
CRYPTO = Swap(long=-20, short=-5, unit="percent", triple_day=None)
SPRING, AUTUMN = datetime(2025, 3, 5, tzinfo=UTC), datetime(2025, 10, 29, tzinfo=UTC)


def nights(start: str, end: str, swap: Swap = FX) -> float:
    moments = np.array([int(pd.Timestamp(t, tz="UTC").timestamp()) for t in (start, end)])
    before, after = nights_charged(moments, swap)
    return float(after - before)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-01-06 10:00", "2025-01-06 21:59", 0),  # Monday: the roll is at 22:00 UTC in winter
        ("2025-01-06 10:00", "2025-01-06 22:00", 1),  # closed at the roll: charged
        ("2025-01-06 22:00", "2025-01-07 21:59", 0),  # opened at the roll: not charged
        ("2025-07-07 10:00", "2025-07-07 21:00", 1),  # and at 21:00 in summer
        ("2025-03-10 20:59", "2025-03-10 21:00", 1),  # New York's summer, not yet Europe's
        ("2025-03-07 21:59", "2025-03-07 22:00", 1),  # the Friday before, still winter
        ("2025-01-08 12:00", "2025-01-09 12:00", 3),  # Wednesday to Thursday
        ("2025-01-10 12:00", "2025-01-13 12:00", 1),  # over the weekend: Friday's roll alone
        ("2025-01-06 12:00", "2025-01-13 12:00", 7),
        ("2024-12-31 12:00", "2025-12-31 12:00", 365),  # 52 weeks and a Tuesday
    ],
)
def test_nights_of_currencies(start, end, expected):
    assert nights(start, end) == expected


def test_an_index_pays_the_weekend_on_friday_and_crypto_every_day():
    assert nights("2025-01-10 12:00", "2025-01-13 12:00", INDEX) == 3
    assert nights("2025-01-08 12:00", "2025-01-09 12:00", INDEX) == 1
    assert nights("2025-01-10 12:00", "2025-01-13 12:00", CRYPTO) == 3
    assert nights("2025-01-11 12:00", "2025-01-12 12:00", CRYPTO) == 1


@given(
    st.integers(0, 200_000_000), st.integers(0, 5_000_000), st.sampled_from([FX, INDEX, CRYPTO])
)
@settings(max_examples=200, deadline=None)
def test_nights_equal_a_walk_over_the_calendar(start, length, swap):
    start += 1_577_836_800  # 2020
    before, after = nights_charged(np.array([start, start + length]), swap)
    assert after - before == rolls(start, start + length, swap)


def hours(seed: int, start: datetime, n: int = 700) -> pd.DataFrame:
    """Hourly bars of two weeks and more, over weekends and a change of clocks."""
    rng = np.random.default_rng([21, seed])
    drawn = random_minutes(rng, n, holes=0.0)
    times = pd.date_range(start, periods=n, freq="h")
    prices = drawn[["open", "high", "low", "close"]].to_numpy()
    bars = bar_frame(times, Timeframe.H1, prices, spread=drawn["spread"].to_numpy())
    return bars[bars["open_time"].dt.day_of_week < 5].reset_index(drop=True)


def plans_on(bars: pd.DataFrame, seed: int, n: int = 250) -> list[Plan]:
    """Plans of every kind that may be held for days."""
    rng = np.random.default_rng([22, seed])
    far = rng.uniform(3, 30, n)
    drawn = random_plans(rng, bars, n)
    return [
        plan.model_copy(
            update={
                "sl_price": plan.entry_price - plan.side.sign * wide,
                "targets": tuple(
                    Target(price=plan.entry_price + plan.side.sign * wide * (k + 1), share=t.share)
                    for k, t in enumerate(plan.targets)
                ),
                "expires_at": None,
                "flat_at": None,
                "max_hold_until": None,
            }
        )
        for plan, wide in zip(drawn, far, strict=True)
    ]


def trades_of(
    plans: list[Plan],
    bars: pd.DataFrame,
    swap: Swap | None,
    mode: FillMode = FillMode.PESSIMISTIC,
    lots: float = 1.0,
) -> dict[str, Trade]:
    costs = CostModel(slippage_points=0.2, commission=1.5, swap=swap)
    found = simulate(plans, bars, INSTRUMENT, costs, timeframe=Timeframe.H1, mode=mode, lots=lots)
    return {trade.signal_id: trade for trade in found.trades}


@pytest.mark.parametrize("swap", [FX, INDEX, CRYPTO])
@pytest.mark.parametrize("start", [SPRING, AUTUMN])
def test_the_kernel_counts_the_nights_that_its_twin_counts(swap, start):
    bars = hours(1, start)
    plans, outer = plans_on(bars, 1), twin_bars(bars, Timeframe.H1)
    trades = trades_of(plans, bars, swap)
    held = parts = 0
    for plan in plans:
        if plan.signal_id not in trades:
            continue
        expected = follow(plan, outer, [], 0.2, FillMode.PESSIMISTIC).nights(swap)
        assert trades[plan.signal_id].nights == pytest.approx(expected, abs=1e-6), plan
        held += expected > 0
        parts += expected != round(expected)
    assert held > 100
    assert parts > 5


@pytest.mark.parametrize("swap", [FX, INDEX])
def test_swap_is_in_the_result_and_the_cost_and_moves_nothing_else(swap):
    bars = hours(2, SPRING)
    plans = plans_on(bars, 2)
    dear, free = trades_of(plans, bars, swap, lots=0.7), trades_of(plans, bars, None, lots=0.7)
    money = INSTRUMENT.point_value * 0.7
    assert dear.keys() == free.keys()
    for signal_id, trade in dear.items():
        plain = free[signal_id]
        rate = swap.long if trade.side is Side.LONG else swap.short
        a_night = rate if swap is FX else rate / 100 / 360 * trade.entry_price
        assert trade.swap == pytest.approx(trade.nights * a_night * money, abs=1e-9)
        assert trade.pnl == pytest.approx(plain.pnl + trade.swap, abs=1e-9)
        assert trade.cost == pytest.approx(plain.cost - trade.swap, abs=1e-9)
        assert trade.pnl == pytest.approx(trade.pnl_points * money, abs=1e-9)
        risk = abs(trade.entry_price - trade.sl_price)
        assert trade.rr == pytest.approx(trade.pnl_points / risk, abs=1e-9)
        assert trade.rr_worst <= trade.rr <= trade.rr_best
        assert (trade.exit_time, trade.exit_price) == (plain.exit_time, plain.exit_price)
    received = [t for t in dear.values() if t.swap > 0]
    assert bool(received) is (swap is FX)
    figures = metrics(list(dear.values()))
    assert figures.swap == pytest.approx(sum(t.swap for t in dear.values()))
    assert figures.total_pnl == pytest.approx(sum(t.pnl for t in dear.values()))


@given(st.floats(-5, 5), st.floats(0, 5))
@settings(max_examples=25, deadline=None)
def test_a_dearer_swap_never_raises_a_profit(rate, more):
    bars = hours(3, AUTUMN, 300)
    plans = plans_on(bars, 3, 60)
    cheap = trades_of(plans, bars, Swap(long=rate, short=rate))
    dear = trades_of(plans, bars, Swap(long=rate - more, short=rate - more))
    assert all(dear[k].pnl <= cheap[k].pnl + 1e-9 for k in cheap)


def test_a_position_closed_in_parts_pays_each_part_for_its_own_nights():
    """Half leaves on Tuesday after one night, half on Thursday after Wednesday's three more."""
    start = datetime(2025, 1, 6, 12, tzinfo=UTC)
    times = pd.date_range(start, periods=80, freq="h")
    rows = np.tile([100.0, 101.0, 99.0, 100.0], (80, 1))
    rows[24:72] = (106, 107, 105, 106)
    rows[72:] = (116, 117, 115, 116)
    bars = bar_frame(times, Timeframe.H1, rows, spread=np.zeros(80))
    plan = Plan(
        signal_id="s", side=Side.LONG, known_at=start, entry_type=EntryType.MARKET,
        entry_price=100.0, sl_price=90.0,
        targets=(Target(price=105.0, share=0.5), Target(price=115.0, share=0.5)),
    )  # fmt: skip
    costs = CostModel(slippage_points=0.0, swap=FX)
    trade = simulate([plan], bars, INSTRUMENT, costs, timeframe=Timeframe.H1).trades[0]
    assert trade.exit_time == start + timedelta(days=3)
    assert trade.nights == 0.5 * 1 + 0.5 * (1 + 1 + 3)
    assert trade.pnl_points == pytest.approx(0.5 * 6 + 0.5 * 16 - trade.nights)


def test_a_position_open_at_the_last_bar_is_charged_up_to_it():
    bars = hours(4, SPRING, 120)
    plan = Plan(
        signal_id="s", side=Side.SHORT, known_at=bars["open_time"].iloc[0].to_pydatetime(),
        entry_type=EntryType.MARKET, entry_price=1000.0, sl_price=5000.0,
        targets=(Target(price=1.0, share=1.0),),
    )  # fmt: skip
    trade = trades_of([plan], bars, FX)["s"]
    ends = bars["open_time"].iloc[-1].timestamp()
    assert trade.nights == rolls(trade.entry_time.timestamp(), ends, FX) > 0
