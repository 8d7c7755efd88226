"""The live buffer holds the bars that a backtest makes of everything ever appended, bit for bit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.buffer import BarBuffer
from pipeline.data.clean import resample
from pipeline.domain.bars import bar_frame, validate_bars
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import bar_frames

LONGER = {Timeframe.M5: 40, Timeframe.M15: 30, Timeframe.H1: 50, Timeframe.H4: 9, Timeframe.D1: 3}


def depths_from(base: Timeframe, trigger: int) -> dict[Timeframe, int]:
    return {base: trigger, **{t: n for t, n in LONGER.items() if t.minutes > base.minutes}}


def same_as_backtest(buffer: BarBuffer, depths, bars: pd.DataFrame) -> None:
    for timeframe, depth in depths.items():
        made = resample(bars, buffer.base, timeframe)[-depth:].reset_index(drop=True)
        pd.testing.assert_frame_equal(buffer.frame(timeframe), made, check_exact=True)


@settings(max_examples=40, deadline=None)
@given(bar_frames(max_size=250), st.integers(1, 90), st.randoms(use_true_random=False))
def test_any_pieces_give_the_bars_of_all_of_history(market, depth, random):
    bars, base, _ = market
    depths = depths_from(base, depth)
    buffer, done = BarBuffer(base, depths), 0
    while done < len(bars):
        step = random.choice([1, 1, 1, 2, 7, 60])
        gained = buffer.append(bars[done : done + step])
        before, done = done, min(done + step, len(bars))
        same_as_backtest(buffer, depths, bars[:done])
        for timeframe in depths:
            grown = len(resample(bars[:done], base, timeframe)) > len(
                resample(bars[:before], base, timeframe)
            )
            assert (timeframe in gained) == grown


@pytest.mark.parametrize("month", ["2025-10-30", "2025-03-06"])
def test_days_of_23_and_25_hours_on_a_market_that_never_closes(month):
    times = pd.date_range(month, periods=5 * 96, freq="15min", tz="UTC")
    rng = np.random.default_rng(5)
    close = 100 + np.cumsum(rng.normal(0, 0.1, len(times)))
    prices = np.column_stack([close, close + 0.3, close - 0.3, close])
    bars = bar_frame(times, Timeframe.M15, prices, rng.random(len(times)), rng.random(len(times)))
    depths = {Timeframe.M15: 10, Timeframe.H4: 40, Timeframe.D1: 7}
    buffer = BarBuffer(Timeframe.M15, depths)
    for i in range(len(bars)):
        gained = buffer.append(bars[i : i + 1])
        if len(gained) > 1:
            same_as_backtest(buffer, depths, bars[: i + 1])


def test_a_frame_is_a_bar_frame_of_its_own_that_nobody_else_sees(rng_bars):
    buffer = BarBuffer(Timeframe.M5, {Timeframe.M5: 50, Timeframe.H1: 5})
    buffer.append(rng_bars)
    taken = buffer.frame(Timeframe.M5)
    validate_bars(taken, Timeframe.M5)
    taken.loc[:, "close"] = 0.0
    validate_bars(buffer.frame(Timeframe.M5), Timeframe.M5)
    assert len(buffer.frame(Timeframe.M5, 7)) == 7
    assert buffer.timeframes == (Timeframe.M5, Timeframe.H1)


def test_memory_is_bounded(rng_bars):
    buffer = BarBuffer(Timeframe.M5, {Timeframe.M5: 50, Timeframe.D1: 5})
    held = set()
    for i in range(len(rng_bars)):
        buffer.append(rng_bars[i : i + 1])
        held.add(buffer.rows_held)
    assert max(held) <= 2 * (50 + 5) + 288


def test_bars_that_are_held_already_are_refused_whole(rng_bars):
    buffer = BarBuffer(Timeframe.M5, {Timeframe.M15: 50})
    buffer.append(rng_bars[:100])
    with pytest.raises(BadBarsError, match="held already"):
        buffer.append(rng_bars[99:120])
    buffer.append(rng_bars[100:120])
    assert buffer.append(rng_bars[:0]) == ()
    with pytest.raises(BadBarsError, match="shorter"):
        BarBuffer(Timeframe.M15, {Timeframe.M5: 3})


@pytest.fixture(scope="module")
def rng_bars():
    from tests.kit.bar_strategies import random_bars

    return random_bars(np.random.default_rng(2), 1200, Timeframe.M5)
