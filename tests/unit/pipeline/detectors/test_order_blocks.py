"""Displacement and order blocks: by hand on small whole prices, and by their plain twins."""

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
FLAT = (100.0, 101.0, 99.0, 100.0)


def bars_of(*prices: tuple[float, float, float, float], pause_before: int | None = None) -> Any:
    """M5 bars; a night lies before the bar `pause_before`."""
    times = pd.date_range("2025-03-12T08:00Z", periods=len(prices), freq="5min").to_series()
    if pause_before is not None:
        times.iloc[pause_before:] += pd.Timedelta(hours=8)
    return bar_frame(pd.DatetimeIndex(times), Timeframe.M5, np.array(prices, dtype="float64"))


def runs(bars: pd.DataFrame, **params: Any) -> pd.DataFrame:
    """Displacements with an ATR of 2 before the first strong bar, gaps of any size."""
    gaps = run_detector(
        "fair_value_gap", bars, Timeframe.M5, GER40, {"min_gap_atr": 0}, providers=ONE
    )
    detector = get("displacement")
    inputs = {"gaps": Events.from_frame(gaps), "atr": np.full(len(bars), 2.0)}
    found = detector.detect(bars, detector.parameters(**params), inputs, GER40, Timeframe.M5)
    return as_frame(found)


ONE = {"atr": ("atr", {"length": 1})}


def test_one_strong_bar_is_known_when_its_gap_is() -> None:
    bars = bars_of(FLAT, FLAT, (100, 106, 100, 105), (105, 107, 103, 104))
    found = runs(bars)
    names = ("bar", "event", "side", "price_low", "price_high", "size", "size_atr", "bars_long")
    assert rows(found, *names) == [(3, "formed", 1, 100.0, 106.0, 5.0, 2.5, 1)]
    assert rows(found, "gap_low", "gap_high", "first_bar", "formed_bar") == [(101.0, 103.0, 2, 3)]
    assert found["start"].iloc[0] == bars["open_time"].iloc[2]


def test_down_is_the_mirror_image() -> None:
    bars = bars_of(FLAT, FLAT, (100, 100, 94, 95), (95, 97, 93, 96))
    assert rows(runs(bars), "bar", "side", "size") == [(3, -1, 5.0)]


@pytest.mark.parametrize(("close", "found"), [(103.0, 1), (102.9, 0)])
def test_a_net_body_of_one_and_a_half_atr_counts(close: float, found: int) -> None:
    bars = bars_of(FLAT, FLAT, (100, 103, 100, close), (close, 104, 102, 102))
    assert len(runs(bars)) == found


@pytest.mark.parametrize(("high", "found"), [(106.0, 1), (106.1, 0)])
def test_a_body_of_six_tenths_of_the_range_counts(high: float, found: int) -> None:
    """Body 4.2, range 7.0: exactly 0.6."""
    bars = bars_of(FLAT, FLAT, (99.4, high, 99, 103.6), (103.6, 104, 102, 103))
    assert len(runs(bars, min_body_share=0.6)) == found


def test_the_longest_body_of_the_runs_is_told() -> None:
    bars = bars_of(
        FLAT, FLAT, (100, 102, 100, 102), (102, 106, 102, 106), (106, 109, 105, 109), FLAT
    )
    found = runs(bars)
    assert rows(found, "bar", "first_bar", "bars_long", "size")[-1] == (4, 2, 3, 9.0)
    assert rows(runs(bars, max_bars=2), "first_bar", "bars_long", "size")[-1] == (3, 2, 7.0)


def test_a_bar_of_the_other_colour_or_without_a_body_ends_a_run() -> None:
    for spoilt in ((102, 103, 101, 101), (102, 103, 101, 102)):
        bars = bars_of(FLAT, FLAT, spoilt, (102, 108, 102, 107), (107, 109, 105, 106))
        assert rows(runs(bars), "bars_long") == [(1,)]


def test_a_night_ends_a_run() -> None:
    told = (FLAT, FLAT, (100, 102, 100, 102), (102, 106, 102, 106), (106, 109, 103, 109))
    assert rows(runs(bars_of(*told)), "bar", "bars_long")[-1] == (4, 3)
    after = runs(bars_of(*told, pause_before=2))
    assert rows(after, "bar", "first_bar", "bars_long") == [(4, 2, 3)]
    assert len(runs(bars_of(*told, pause_before=3))) == 0, "no gap across a night either"
    longer = (*told, (109, 116, 108, 115))
    assert rows(runs(bars_of(*longer)), "bar", "bars_long")[-1] == (5, 3)


def test_without_a_bar_before_there_is_no_measure() -> None:
    bars = bars_of((99, 100, 98, 100), (100, 106, 100, 105), (105, 107, 103, 106))
    assert rows(runs(bars), "first_bar", "bars_long") == [(1, 2)]


def blocks(breaks: list[tuple[int, int, float]], found: list[tuple], bars: pd.DataFrame, **p: Any):
    """Order blocks of breaks (bar, side, level) and runs (known, side, first bar) told by hand."""
    detector = get("order_block")
    structure = told(breaks, bars, "level").astype({"level": "float64"})
    displacements = told(found, bars, "first_bar").assign(size_atr=2.0)
    inputs = {
        "structure": Events.from_frame(structure),
        "displacements": Events.from_frame(displacements),
    }
    found = detector.detect(bars, detector.parameters(**p), inputs, EURUSD, Timeframe.M5)
    return as_frame(found)


def told(events: list[tuple], bars: pd.DataFrame, third: str) -> pd.DataFrame:
    """Return events (bar, side, `third`) as a frame with all the columns events have."""
    frame = pd.DataFrame(events, columns=["bar", "side", third])
    at = bars["close_time"].iloc[frame["bar"]].array
    return frame.assign(
        known_at=at, start=at, event="told", price_low=1.0, price_high=1.0, zone_id=0
    )


UP = (100, 104, 99, 103)
DOWN = (103, 105, 98, 100)
HIGH_UP = (110, 114, 109, 113)


def words(found: pd.DataFrame) -> list[tuple]:
    return rows(found, "bar", "event", "side")


def test_the_last_opposite_bar_is_known_at_the_break() -> None:
    bars = bars_of(DOWN, DOWN, FLAT, UP, HIGH_UP, HIGH_UP, HIGH_UP)
    found = blocks([(5, 1, 105.0)], [(5, 1, 3)], bars)
    names = ("bar", "price_low", "price_high", "zone_id", "level", "size_atr")
    assert rows(found, *names) == [(5, 98.0, 105.0, 1, 105.0, 2.0)], "row 2 has no body"
    assert found["start"].iloc[0] == bars["open_time"].iloc[1]
    body = blocks([(5, 1, 105.0)], [(5, 1, 3)], bars, extent="body")
    assert rows(body, "price_low", "price_high") == [(100.0, 103.0)]


@pytest.mark.parametrize(
    ("broke", "run", "known"),
    [
        (5, (4, 1, 3), 5),
        (4, (5, 1, 3), 5),  # the gap comes after the break: known with it
        (5, (2, 1, 1), 5),  # three bars before: still this move
        (6, (2, 1, 1), None),
        (3, (5, 1, 4), None),  # the run began after the break
        (5, (4, -1, 3), None),
    ],
)
def test_which_run_belongs_to_a_break(broke: int, run: tuple, known: int | None) -> None:
    bars = bars_of(DOWN, UP, UP, UP, HIGH_UP, HIGH_UP, HIGH_UP)
    found = blocks([(broke, 1, 105.0)], [run], bars)
    assert rows(found, "bar") == ([] if known is None else [(known,)])


def test_of_two_runs_the_last_known_by_the_break_counts() -> None:
    bars = bars_of(DOWN, UP, DOWN, UP, HIGH_UP, HIGH_UP)
    found = blocks([(4, 1, 105.0)], [(2, 1, 1), (4, 1, 3), (5, 1, 4)], bars)
    assert rows(found, "bar", "zone_id") == [(4, 2)]


def test_a_bar_is_a_block_once() -> None:
    bars = bars_of(DOWN, UP, UP, HIGH_UP, HIGH_UP, HIGH_UP)
    found = blocks([(3, 1, 105.0), (4, 1, 112.0)], [(3, 1, 1), (4, 1, 1)], bars)
    assert rows(found, "bar", "level") == [(3, 105.0)]


@pytest.mark.parametrize(("search", "count"), [(2, 0), (3, 1)])
def test_the_block_lies_near(search: int, count: int) -> None:
    bars = bars_of(DOWN, UP, UP, UP, HIGH_UP, HIGH_UP)
    assert len(blocks([(5, 1, 105.0)], [(5, 1, 3)], bars, search_bars=search)) == count


def life(*later: tuple[float, float, float, float], **params: Any) -> list[tuple]:
    """Return what happens to a block of 98 to 105 that is known at bar 2."""
    bars = bars_of(DOWN, UP, HIGH_UP, *later)
    return words(blocks([(2, 1, 105.0)], [(2, 1, 1)], bars, **params))[1:]


def test_touched_invalidated_breaker() -> None:
    near, edge = (110, 111, 105.1, 108), (108, 109, 105, 107)
    wick, on_edge, through = (107, 108, 97, 99), (99, 100, 97, 98), (98, 99, 96, 97.9)
    below, back = (97, 97.9, 95, 96), (96, 98, 95, 96)
    assert life(near, edge, edge) == [(4, "touched", 1)]
    assert life(wick, on_edge) == [(3, "touched", 1)]
    assert life(wick, through) == [(3, "touched", 1), (4, "invalidated", -1)]
    assert life(through) == [(3, "touched", 1), (3, "invalidated", -1)]
    assert life(through, below, back, back) == [
        (3, "touched", 1),
        (3, "invalidated", -1),
        (5, "breaker", -1),
    ]


def test_expired_alive_or_broken() -> None:
    below = (97, 97.9, 95, 96)
    assert life(HIGH_UP, HIGH_UP, HIGH_UP, expiry_bars=2) == [(4, "expired", 1)]
    assert life(below, below, below, expiry_bars=2)[-1] == (4, "expired", 1)


def _check(drawn: Drawn, params: dict[str, Any]) -> tuple[int, int]:
    bars, timeframe, instrument = drawn
    strong = {k: params[k] for k in ("min_body_atr", "min_body_share", "max_bars")}
    rules = {k: params[k] for k in ("extent", "within_bars", "search_bars", "expiry_bars")}
    providers = {
        "atr": ("atr", {"length": 5}),
        "gaps": ("fair_value_gap", {"min_gap_atr": 0.05}),
        "swings": ("swing", {"k": 2}),
        "displacements": ("displacement", strong),
    }

    def run(name: str, given: dict[str, Any]) -> pd.DataFrame:
        return run_detector(name, bars, timeframe, instrument, given, providers=providers)

    gaps = run("fair_value_gap", {"min_gap_atr": 0.05})
    gaps = gaps[gaps["event"] == "formed"]
    atr = run_detector("atr", bars, timeframe, instrument, {"length": 5})
    told = plain_bars(bars)
    moves = plain.displacements(
        told,
        rows(gaps, "bar", "side", "price_low", "price_high"),
        [None if math.isnan(v) else float(v) for v in atr],
        (*strong.values(), 1e-6 * instrument.tick_size),
    )
    found = run("displacement", strong)
    names = ("bar", "side", "price_low", "price_high", "first_bar", "bars_long", "size")
    assert rows(found, *names, "gap_low", "gap_high") == moves
    breaks = rows(run("structure", {}), "bar", "side", "level")
    expected = plain.order_blocks(told, breaks, moves, tuple(rules.values()))
    found = run("order_block", rules)
    names = ("bar", "event", "side", "price_low", "price_high", "origin_bar", "level")
    assert rows(found, *names) == expected
    return len(moves), len(expected)


shapes = st.fixed_dictionaries(
    {
        "min_body_atr": st.sampled_from([0.0, 0.5, 1.5]),
        "min_body_share": st.sampled_from([0.0, 0.6, 1.0]),
        "max_bars": st.sampled_from([1, 3, 5]),
        "extent": st.sampled_from(["range", "body"]),
        "within_bars": st.sampled_from([0, 3, 10]),
        "search_bars": st.sampled_from([1, 10]),
        "expiry_bars": st.sampled_from([1, 10, 500]),
    }
)


@few
@given(bar_frames(max_size=400), shapes)
def test_the_twins_say_the_same(drawn: Drawn, params: dict[str, Any]) -> None:
    _check(drawn, params)


@few
@given(tiny_bars(max_size=40), shapes)
def test_the_twins_say_the_same_on_ties_and_holes(
    bars: pd.DataFrame, params: dict[str, Any]
) -> None:
    _check((bars, Timeframe.M5, EURUSD), params)


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m5_mt5_2020"])
def test_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument = GER40 if name.startswith("ger") else EURUSD
    defaults = {
        "min_body_atr": 1.5,
        "min_body_share": 0.6,
        "max_bars": 3,
        "extent": "range",
        "within_bars": 3,
        "search_bars": 10,
        "expiry_bars": 500,
    }
    drawn = (bars.iloc[13_500:16_000].reset_index(drop=True), timeframe, instrument)
    moves, events = _check(drawn, defaults)
    assert moves > 100
    assert events > 100
