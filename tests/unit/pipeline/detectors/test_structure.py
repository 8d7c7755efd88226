"""Swings, breaks and engulfing bars, rule by rule, on bars made by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD
from tests.kit.real_bars import real_bars
from tests.kit.run_detector import run_detector


def frame(rows: list[tuple[float, ...]]) -> pd.DataFrame:
    times = pd.date_range("2025-03-10", periods=len(rows), freq="5min", tz="UTC")
    return bar_frame(times, Timeframe.M5, np.array(rows, dtype="float64"))


def path(*closes: float) -> pd.DataFrame:
    """Return bars that go from close to close, with wicks of 0.2."""
    before = (closes[0], *closes[:-1])
    return frame(
        [(o, max(o, c) + 0.2, min(o, c) - 0.2, c) for o, c in zip(before, closes, strict=True)]
    )


def swings(bars: pd.DataFrame, k: int) -> list[tuple]:
    found = run_detector("swing", bars, Timeframe.M5, EURUSD, {"k": k})
    assert (found["bar"] == found["pivot_bar"] + k).all()
    return list(zip(found["event"], found["pivot_bar"], found["price"], strict=True))


def breaks(bars: pd.DataFrame, **params: Any) -> list[tuple]:
    found = run_detector(
        "structure", bars, Timeframe.M5, EURUSD, params, providers={"swings": ("swing", {"k": 1})}
    )
    return list(zip(found["event"], found["bar"], found["side"], found["level"], strict=True))


def highs(*prices: float) -> pd.DataFrame:
    return frame([(1.0, p, 0.5, 1.0) for p in prices])


def test_swing_high_needs_k_bars_on_both_sides() -> None:
    assert ("high", 2, 5.0) in swings(highs(2, 3, 5, 4, 3), 2)
    assert swings(highs(3, 5, 4, 3), 2) == []
    assert swings(highs(2, 3, 5, 4), 2) == []


def test_of_a_flat_top_the_first_bar_is_the_turn() -> None:
    assert [s for s in swings(highs(2, 3, 5, 5, 4, 3), 2) if s[0] == "high"] == [("high", 2, 5.0)]
    assert swings(highs(2, 5, 3, 5, 3, 5, 2), 3) == []  # the middle one has an equal before it


def test_sides_of_swings() -> None:
    found = run_detector("swing", path(5, 8, 6, 3, 6, 9), Timeframe.M5, EURUSD, {"k": 1})
    assert list(zip(found["event"], found["side"], strict=True)) == [("high", -1), ("low", 1)]


ZIGZAG = (5, 4, 8, 6, 9, 7, 10, 3, 4)


def test_bos_with_the_trend_choch_against_it() -> None:
    assert breaks(path(*ZIGZAG)) == [
        ("bos", 4, 1, 8.2),  # no trend yet
        ("bos", 6, 1, 9.2),
        ("choch", 7, -1, 3.8),
    ]


def test_a_swing_is_used_up() -> None:
    assert breaks(path(5, 8, 6, 9, 9.1, 9.2, 9.3)) == [("bos", 3, 1, 8.2)]


def test_close_or_wick() -> None:
    bars = path(5, 8, 6, 7, 7.1)
    bars.loc[3, "high"] = 8.5
    assert breaks(bars) == []
    assert breaks(bars, break_mode="wick") == [("bos", 3, 1, 8.2)]


def test_close_on_the_level_breaks_nothing() -> None:
    assert breaks(path(5, 8, 6, 8.2, 8.2)) == []


def test_a_bar_that_breaks_both_ends_with_its_body() -> None:
    bars = path(6, 8, 5, 6, 6)
    bars.loc[4, ["open", "high", "low", "close"]] = (6.0, 9.0, 4.0, 7.0)
    assert breaks(bars, break_mode="wick") == [("bos", 4, -1, 4.8), ("choch", 4, 1, 8.2)]
    bars.loc[4, "close"] = 5.0
    assert breaks(bars, break_mode="wick") == [("bos", 4, 1, 8.2), ("choch", 4, -1, 4.8)]


def test_strength_is_the_close_beyond_in_ranges_of_the_bar() -> None:
    bars = path(*ZIGZAG)
    found = run_detector(
        "structure", bars, Timeframe.M5, EURUSD, providers={"swings": ("swing", {"k": 1})}
    )
    row = found.iloc[0]
    assert row["strength"] == pytest.approx((9 - 8.2) / (9.2 - 5.8))
    assert (row["trend_before"], row["trend_after"]) == (0, 1)
    assert (row["start"], row["price_low"]) == (bars["open_time"][2], row["price_high"])


@pytest.mark.parametrize("name", ["eurusd_m15_mt5_2018-20", "ger40_m5_2025"])
@pytest.mark.parametrize("k", [3, 5])
def test_forgetting_never_matters_on_real_bars(name: str, k: int) -> None:
    """The memory that bounds the look-back changes not one event in two years."""
    bars, timeframe = real_bars(name)
    short, long = (
        run_detector(
            "structure",
            bars,
            timeframe,
            EURUSD,
            {"memory_bars": memory},
            providers={"swings": ("swing", {"k": k})},
        )
        for memory in (200, 5000)
    )
    pd.testing.assert_frame_equal(short, long)


@pytest.mark.parametrize(
    ("first", "second", "side"),
    [
        ((5, 4), (3.9, 5.1), 1),
        ((4, 5), (5.1, 3.9), -1),
        ((5, 4), (4, 5.1), 1),  # one edge may be shared
        ((5, 4), (4, 5), 0),  # both: a stand-off
        ((5, 4), (4.1, 5.5), 0),  # not covered below
        ((4, 5), (3.9, 5.1), 0),  # same colour
        ((4, 4), (3.9, 5.1), 0),  # no body to cover
    ],
)
def test_engulfing(first: tuple[float, float], second: tuple[float, float], side: int) -> None:
    bars = frame([(o, max(o, c) + 1, min(o, c) - 1, c) for o, c in (first, second)])
    found = run_detector("engulfing", bars, Timeframe.M5, EURUSD)
    assert found["side"].tolist() == ([side] if side else [])
    if side:
        row = found.iloc[0]
        assert (row["price_low"], row["price_high"]) == (min(second), max(second))
