"""Equal highs and lows: by hand on small whole prices, and by their plain twin."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.detectors import get
from pipeline.domain.bars import bar_frame
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe
from tests.kit import reference_blocks as plain
from tests.kit.bar_strategies import EURUSD, GER40, bar_frames, tiny_bars
from tests.kit.real_bars import real_bars
from tests.kit.reference_detectors import plain_bars
from tests.kit.run_detector import as_frame, run_detector
from tests.kit.run_detector import plain_rows as rows

Drawn = tuple[pd.DataFrame, Timeframe, Instrument]
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ATR = 10.0
"""So that a tenth of it is one point."""


def pools(highs: list[float], closes: dict[int, float] | None = None, **params: Any) -> Any:
    """Return the pools of M5 bars with these highs, lows far below, k = 1.

    A bar closes at 50 unless told.
    """
    closes = closes or {}
    prices = [(50, h, 40 - i, closes.get(i, 50)) for i, h in enumerate(highs)]
    times = pd.date_range("2025-03-12T08:00Z", periods=len(highs), freq="5min")
    bars = bar_frame(times, Timeframe.M5, np.array(prices, dtype="float64"))
    swings = run_detector("swing", bars, Timeframe.M5, EURUSD, {"k": 1})
    detector = get("equal_levels")
    inputs = {"swings": Events.from_frame(swings), "atr": np.full(len(bars), ATR)}
    return as_frame(
        detector.detect(bars, detector.parameters(**params), inputs, EURUSD, Timeframe.M5)
    )


def told(*args: Any, **params: Any) -> list[tuple]:
    return rows(pools(*args, **params), "bar", "event")


TWO = [60, 70, 60, 60, 71, 60]
"""Highs of 70 at bar 1 and 71 at bar 4, known at bars 2 and 5."""


def test_two_equal_highs_are_a_pool_when_the_second_is_confirmed() -> None:
    found = pools(TWO)
    names = ("bar", "event", "side", "price_low", "price_high", "level", "touches", "zone_id")
    assert rows(found, *names) == [(5, "formed", -1, 70.0, 71.0, 71.0, 2, 8)]
    assert found["start"].iloc[0] == pd.Timestamp("2025-03-12T08:05Z")


@pytest.mark.parametrize(("second", "count"), [(71.0, 1), (71.1, 0), (69.0, 1), (68.9, 0)])
def test_a_tenth_of_the_atr_apart_counts(second: float, count: int) -> None:
    assert len(pools([60, 70, 60, 60, second, 60])) == count


@pytest.mark.parametrize(("apart", "count"), [(3, 1), (4, 0)])
def test_bars_apart(apart: int, count: int) -> None:
    assert len(pools(TWO, min_apart=apart)) == count


def test_a_swing_that_was_closed_beyond_is_no_member() -> None:
    highs = [60, 70, 60, 75, 60, 70, 60]
    assert told(highs, {3: 70.0}, min_apart=1) == [(6, "formed")]
    assert told(highs, {3: 70.1}, min_apart=1) == []


def test_a_forgotten_swing_is_no_member() -> None:
    assert told(TWO, memory_bars=3) == [(5, "formed")]
    assert told(TWO, memory_bars=2) == []


def test_swept_by_a_wick_and_taken_by_a_close() -> None:
    assert told([*TWO, 71, 72, 73]) == [(5, "formed"), (7, "swept")]
    assert told([*TWO, 72, 73], {6: 71.0, 7: 71.5}) == [(5, "formed"), (6, "swept"), (7, "taken")]
    assert told([*TWO, 73, 74], {6: 72.0}) == [(5, "formed"), (6, "taken")]


def test_a_third_swing_makes_a_new_pool_and_ends_the_old() -> None:
    found = pools([*TWO, 60, 70.5, 60])
    assert rows(found, "bar", "event", "touches", "price_low", "price_high") == [
        (5, "formed", 2, 70.0, 71.0),
        (8, "joined", 2, 70.0, 71.0),
        (8, "formed", 3, 70.0, 71.0),
    ]


def test_three_touches_asked() -> None:
    assert told([*TWO, 60, 70.5, 60], min_touches=3) == [(8, "formed")]


def test_the_span_of_all_counts_not_the_distance_of_neighbours() -> None:
    """70, 71, 72: the newest two only."""
    found = pools([*TWO, 60, 72, 60], {7: 71.0})
    last = found[found["event"] == "formed"].iloc[-1]
    assert (last["price_low"], last["price_high"], last["touches"]) == (71.0, 72.0, 2)


def test_expired() -> None:
    assert told([*TWO, 60, 60, 60, 60], expiry_bars=3) == [(5, "formed"), (8, "expired")]


def test_equal_lows_are_the_mirror_image() -> None:
    lows = [40, 30, 40, 40, 29, 40, 28, 27]
    prices = np.array([(45, 50 + i, low, 45) for i, low in enumerate(lows)], dtype="float64")
    prices[7, 3] = 27.5
    times = pd.date_range("2025-03-12T08:00Z", periods=len(lows), freq="5min")
    bars = bar_frame(times, Timeframe.M5, prices)
    swings = run_detector("swing", bars, Timeframe.M5, EURUSD, {"k": 1})
    detector = get("equal_levels")
    inputs = {"swings": Events.from_frame(swings), "atr": np.full(len(bars), ATR)}
    found = as_frame(detector.detect(bars, detector.parameters(), inputs, EURUSD, Timeframe.M5))
    assert rows(found, "bar", "event", "side", "level") == [
        (5, "formed", 1, 29.0),
        (6, "swept", 1, 29.0),
        (7, "taken", 1, 29.0),
    ]


def _check(drawn: Drawn, k: int, params: dict[str, Any]) -> int:
    bars, timeframe, instrument = drawn
    providers = {"atr": ("atr", {"length": 3}), "swings": ("swing", {"k": k})}
    atr = run_detector("atr", bars, timeframe, instrument, {"length": 3})
    turns = run_detector("swing", bars, timeframe, instrument, {"k": k})
    names = ("tolerance_atr", "min_apart", "min_touches", "memory_bars", "expiry_bars")
    expected = plain.pools(
        plain_bars(bars),
        rows(turns, "bar", "event", "price", "pivot_bar"),
        [None if math.isnan(v) else float(v) for v in atr],
        tuple(params[name] for name in names),
    )
    found = run_detector("equal_levels", bars, timeframe, instrument, params, providers=providers)
    told = ("bar", "event", "side", "price_low", "price_high", "touches")
    assert rows(found, *told) == [event[:6] for event in expected]
    opened = bars["open_time"]
    assert found["start"].tolist() == [opened.iloc[event[7]] for event in expected]
    return len(expected)


shapes = st.fixed_dictionaries(
    {
        "tolerance_atr": st.sampled_from([0.0, 0.1, 0.5, 3.0]),
        "min_apart": st.sampled_from([1, 3, 10]),
        "min_touches": st.sampled_from([2, 3]),
        "memory_bars": st.sampled_from([5, 50, 300]),
        "expiry_bars": st.sampled_from([1, 10, 300]),
    }
)


@few
@given(bar_frames(max_size=300), st.sampled_from([1, 2, 5]), shapes)
def test_the_twin_says_the_same(drawn: Drawn, k: int, params: dict[str, Any]) -> None:
    _check(drawn, k, params)


@few
@given(tiny_bars(max_size=60), shapes)
def test_the_twin_says_the_same_on_ties(bars: pd.DataFrame, params: dict[str, Any]) -> None:
    _check((bars, Timeframe.M5, EURUSD), 1, params)


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m5_mt5_2020"])
def test_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument = GER40 if name.startswith("ger") else EURUSD
    drawn = (bars.iloc[13_500:15_500].reset_index(drop=True), timeframe, instrument)
    names = ("tolerance_atr", "min_apart", "min_touches", "memory_bars", "expiry_bars")
    assert _check(drawn, 5, dict(zip(names, (0.1, 3, 2, 200, 500), strict=True))) > 30
