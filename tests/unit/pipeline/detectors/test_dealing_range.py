"""Premium, discount and the entry zone: by hand, and by their plain twins."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.detectors import get
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe
from tests.kit import reference_ranges as plain
from tests.kit.bar_strategies import EURUSD, GER40, bar_frames, tiny_bars
from tests.kit.berlin_days import berlin_day
from tests.kit.real_bars import real_bars
from tests.kit.reference_detectors import plain_bars
from tests.kit.run_detector import plain_rows as rows
from tests.kit.run_detector import run_detector
from tests.kit.series import same_series

Drawn = tuple[pd.DataFrame, Timeframe, Instrument]
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
K1 = {"levels": ("swing", {"k": 1})}


def bars_of(*prices: tuple[float, float, float]) -> pd.DataFrame:
    """M5 bars from (high, low, close); each opens at its close."""
    times = pd.date_range("2025-03-12T08:00Z", periods=len(prices), freq="5min")
    return bar_frame(times, Timeframe.M5, np.array([[c, h, low, c] for h, low, c in prices]))


LEG_UP = [(112, 108, 110), (109, 100, 105), (150, 104, 140), (200, 130, 180), (190, 150, 180)]
"""A low of 100 at bar 1, known at bar 2; a high of 200 at bar 3, known at bar 4."""


def ote(*more: tuple[float, float, float], **params: Any) -> list[tuple]:
    bars = bars_of(*LEG_UP, *more)
    found = run_detector("ote", bars, Timeframe.M5, EURUSD, params, providers=K1)
    return rows(found, "bar", "event", "side")


def test_the_zone_of_a_leg_up_lies_below_its_high() -> None:
    found = run_detector("ote", bars_of(*LEG_UP), Timeframe.M5, EURUSD, providers=K1)
    row = found.iloc[0]
    assert (row["bar"], row["event"], row["side"]) == (4, "formed", 1)
    assert (row["price_low"], row["price_high"]) == pytest.approx((121.0, 138.0))
    assert (row["range_low"], row["range_high"]) == (100.0, 200.0)
    assert row["start"] == bars_of(*LEG_UP)["open_time"].iloc[1], "drawn from the leg's origin"


def test_touched_at_the_edge_once_and_invalidated_by_a_close_alone() -> None:
    inside, edge, wick, out = (170, 139, 150), (160, 138, 150), (140, 99, 100), (120, 98, 99.9)
    # Ever lower lows and highs: no swing turns in between.
    assert ote(inside, edge)[1:] == [(6, "touched", 1)]
    assert ote(edge, wick)[1:] == [(5, "touched", 1)]
    assert ote(edge, wick, out)[1:] == [(5, "touched", 1), (7, "invalidated", 1)]


def test_a_new_swing_replaces_the_zone() -> None:
    """A high of 195 at bar 6 is known at bar 7."""
    found = ote((180, 160, 175), (195, 170, 190), (185, 172, 180))
    assert found[1:] == [(7, "replaced", 1), (7, "formed", 1)]


def test_expired() -> None:
    falling = [(175 - 5 * i, 149.5 - i, 149.6 - i) for i in range(4)]
    assert ote(*falling, expiry_bars=3)[-1] == (7, "expired", 1)


def test_a_session_gives_both_zones() -> None:
    bars = berlin_day("2025-03-12", {"09:10": (105.0, 110.5, 100.5, 105.0)})
    found = run_detector("ote", bars, Timeframe.M5, GER40)
    formed = found[found["event"] == "formed"]
    assert formed["side"].tolist() == [1, -1]
    assert formed["price_low"].tolist() == pytest.approx([102.1, 106.2])
    assert formed["price_high"].tolist() == pytest.approx([103.8, 107.9])
    assert set(rows(found[found["event"] == "touched"], "side")) == {(1,), (-1,)}


def test_position_in_the_session() -> None:
    bars = berlin_day("2025-03-12", {"09:10": (105.0, 111.0, 100.0, 110.0), "09:15": None})
    series = run_detector("premium_discount", bars, Timeframe.M5, GER40)
    known = bars["close_time"] >= pd.Timestamp("2025-03-12T08:00Z")
    assert np.isnan(series[~known]).all()
    assert series[known][0] == 0.5
    at = int(np.flatnonzero(bars["close"] == 110.0)[0])
    assert series[at] == 1.0


def test_an_incomplete_session_has_no_position() -> None:
    gone = {f"08:{m:02d}": None for m in range(10, 60, 5)}
    bars = berlin_day("2025-03-12", gone)
    assert np.isnan(run_detector("premium_discount", bars, Timeframe.M5, GER40)).all()


def test_beyond_the_range_it_goes_beyond_one() -> None:
    bars = bars_of(*LEG_UP, (230, 150, 225))
    series = run_detector("premium_discount", bars, Timeframe.M5, EURUSD, providers=K1)
    np.testing.assert_equal(series[:4], [np.nan] * 4)
    assert series[4] == 0.8
    assert series[5] == 1.25


def test_a_zone_without_width_is_refused() -> None:
    with pytest.raises(ValidationError, match="shallow"):
        get("ote").parameters(shallow=0.7, deep=0.7)


def _told(levels: pd.DataFrame) -> list[plain.Told]:
    turned = "pivot_bar" if "pivot_bar" in levels else "bar"
    return rows(levels, "bar", "event", "price_low", "price_high", turned)


def _check(drawn: Drawn, levels: tuple[str, dict[str, Any]], params: dict[str, Any]) -> int:
    bars, timeframe, instrument = drawn
    told = _told(run_detector(levels[0], bars, timeframe, instrument, levels[1]))
    providers = {"levels": levels}
    memory = {"memory_bars": params["memory_bars"]}
    series = run_detector(
        "premium_discount", bars, timeframe, instrument, memory, providers=providers
    )
    same_series(series, plain.positions(plain_bars(bars), told, params["memory_bars"]))
    found = run_detector("ote", bars, timeframe, instrument, params, providers=providers)
    rules = (params["shallow"], params["deep"], params["memory_bars"], params["expiry_bars"])
    expected = plain.entry_zones(plain_bars(bars), told, rules)
    names = ("bar", "event", "side", "range_low", "range_high", "formed_bar")
    assert rows(found, *names) == [(e[0], e[1], e[2], *e[5:]) for e in expected]
    edges = np.array([e[3:5] for e in expected]).reshape(-1, 2)
    np.testing.assert_allclose(found[["price_low", "price_high"]].to_numpy(), edges, rtol=1e-12)
    return len(expected)


shapes = st.fixed_dictionaries(
    {
        "shallow": st.sampled_from([0.0, 0.5, 0.62]),
        "deep": st.sampled_from([0.79, 1.0]),
        "memory_bars": st.sampled_from([3, 30, 300]),
        "expiry_bars": st.sampled_from([1, 10, 300]),
    }
)


@few
@given(bar_frames(max_size=300), st.sampled_from([1, 2, 5]), shapes)
def test_swings_as_the_twin_reads_them(drawn: Drawn, k: int, params: dict[str, Any]) -> None:
    _check(drawn, ("swing", {"k": k}), params)


@few
@given(tiny_bars(), shapes)
def test_ties_as_the_twin_reads_them(bars: pd.DataFrame, params: dict[str, Any]) -> None:
    _check((bars, Timeframe.M5, EURUSD), ("swing", {"k": 1}), params)


@few
@given(bar_frames(max_size=400), st.sampled_from(["session_range", "previous_day"]), shapes)
def test_ranges_as_the_twin_reads_them(drawn: Drawn, levels: str, params: dict[str, Any]) -> None:
    _check(drawn, (levels, {}), params)


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m5_mt5_2020"])
def test_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument = GER40 if name.startswith("ger") else EURUSD
    drawn = (bars.iloc[13_500:15_500].reset_index(drop=True), timeframe, instrument)
    params = {"shallow": 0.62, "deep": 0.79, "memory_bars": 200, "expiry_bars": 500}
    assert _check(drawn, ("swing", {"k": 5}), params) > 200
    assert _check(drawn, ("session_range", {"session": "asia"}), params) > 20
