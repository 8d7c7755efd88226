"""The live buffer holds the bars that a backtest makes of everything ever appended, bit for bit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.buffer import BarBuffer
from pipeline.data.clean import VALUES, binned_values, frame_of, resample
from pipeline.domain.bars import bar_frame, epoch_seconds, validate_bars
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


def over_by_the_clock(bars, timeframe, moment):
    """Return the bins of all bars that are over at a moment, asked of no buffer."""
    values = np.column_stack([bars[name].to_numpy() for name in VALUES])
    opens, binned = binned_values(epoch_seconds(bars["open_time"]), values, timeframe)
    over = opens + timeframe.minutes * 60 <= moment
    return frame_of(opens[over], binned[over], timeframe)


@settings(max_examples=60, deadline=None)
@given(bar_frames(max_size=90), st.randoms(use_true_random=False))
def test_a_clock_that_runs_ahead_shows_the_same_bars_sooner_and_late_bars_still_count(
    market, random
):
    bars, base, _ = market
    depths = depths_from(base, 200)
    buffer, clock, done, held = BarBuffer(base, depths), 0, 0, dict.fromkeys(depths, 0)
    while done < len(bars):
        step = random.choice([1, 1, 2, 30])
        gained = {*buffer.append(bars[done : done + step])}
        done = min(done + step, len(bars))
        clock = max(clock, int(epoch_seconds(bars["close_time"])[done - 1]))
        if random.random() < 0.4:
            clock += random.choice([30, 60, 600, 4000, 90_000])
            moment = pd.Timestamp(clock, unit="s", tz="UTC").to_pydatetime()
            gained |= {*buffer.tick(moment)}
            assert buffer.next_close is None or buffer.next_close > moment
        for timeframe, depth in depths.items():
            if timeframe is not base:
                wanted = over_by_the_clock(bars[:done], timeframe, clock)
                assert timeframe in gained or len(wanted) == held[timeframe]
                held[timeframe] = len(wanted)
                wanted = wanted[-depth:].reset_index(drop=True)
                pd.testing.assert_frame_equal(buffer.frame(timeframe), wanted, check_exact=True)


def test_a_bin_is_over_when_the_clock_says_so(rng_bars):
    buffer = BarBuffer(Timeframe.M5, {Timeframe.M15: 5, Timeframe.H1: 5})
    first = rng_bars["open_time"].iloc[0].floor("1h") + pd.Timedelta(hours=1)
    bars = rng_bars[rng_bars["open_time"] >= first].reset_index(drop=True)
    quarter, hour = first + pd.Timedelta(minutes=15), first + pd.Timedelta(hours=1)
    assert buffer.next_close is None
    buffer.append(bars[:2])
    assert buffer.next_close == quarter
    assert buffer.tick(quarter - pd.Timedelta(seconds=1)) == ()
    assert buffer.tick(quarter) == (Timeframe.M15,)
    assert buffer.frame(Timeframe.M15)["close"].iloc[-1] == bars["close"].iloc[1]
    assert buffer.next_close == hour
    assert buffer.append(bars[2:3]) == (Timeframe.M5, Timeframe.M15), "it came late, and counts"
    same_as_backtest(buffer, {Timeframe.M15: 5}, bars[:3])
    assert buffer.tick(hour) == (Timeframe.H1,)
    assert buffer.tick(hour) == ()


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
