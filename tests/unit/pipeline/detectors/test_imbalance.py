"""Fair value gaps, rule by rule, on bars made by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.detectors import get
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD
from tests.kit.run_detector import as_frame

A = (9.0, 10.0, 8.0, 9.5)
B = (9.5, 13.0, 9.0, 12.5)
C = (12.5, 14.0, 12.0, 13.0)
CALM = (13.0, 14.0, 13.0, 13.5)


def gaps(
    rows: list[tuple[float, ...]], *, minutes: list[int] | None = None, **params: Any
) -> pd.DataFrame:
    """Return gap events with an ATR of 1 everywhere; `minutes` are the bars' open minutes."""
    at = minutes or [5 * i for i in range(len(rows))]
    times = pd.DatetimeIndex(pd.Timestamp("2025-03-10T09:00Z") + pd.to_timedelta(at, unit="min"))
    bars = bar_frame(times, Timeframe.M5, np.array(rows))
    inputs = {"atr": np.ones(len(rows))}
    found = get("fair_value_gap").detect(
        bars, get("fair_value_gap").parameters(**params), inputs, EURUSD, Timeframe.M5
    )
    return as_frame(found)


def mirror(rows: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    return [(30 - o, 30 - low, 30 - h, 30 - c) for o, h, low, c in rows]


def words(found: pd.DataFrame) -> list[str]:
    return found["event"].tolist()


def test_up_gap() -> None:
    found = gaps([A, B, C])
    assert words(found) == ["formed"]
    row = found.iloc[0]
    assert (row["bar"], row["side"], row["price_low"], row["price_high"]) == (2, 1, 10.0, 12.0)
    assert (row["size"], row["size_atr"], row["formed_bar"], row["zone_id"]) == (2.0, 2.0, 2, 2)
    assert row["start"] == pd.Timestamp("2025-03-10T09:00Z")
    assert row["known_at"] == pd.Timestamp("2025-03-10T09:15Z")


def test_down_gap_is_the_mirror_image() -> None:
    row = gaps(mirror([A, B, C])).iloc[0]
    assert (row["side"], row["price_low"], row["price_high"]) == (-1, 18.0, 20.0)


def test_no_gap_without_space_or_without_a_rising_middle() -> None:
    assert words(gaps([A, B, (12.5, 14.0, 10.0, 13.0)])) == []  # edges touch
    assert words(gaps([A, (12.5, 13.0, 9.0, 9.5), C])) == []  # middle bar closes down
    assert words(gaps([A, (12.5, 13.0, 9.0, 12.5), C])) == []  # middle bar closes unchanged


def test_sizes() -> None:
    assert words(gaps([A, B, C], min_gap_atr=2.0)) == ["formed"]  # the size itself is enough
    assert words(gaps([A, B, C], min_gap_atr=2.1)) == []
    assert words(gaps([A, B, C], min_gap_pct=16.0)) == ["formed"]  # 2.0 of 12.5
    assert words(gaps([A, B, C], min_gap_pct=16.1)) == []
    assert words(gaps([A, B, C], min_gap_atr=2.1, min_gap_pct=1.0)) == []  # both must hold


@pytest.mark.parametrize(
    ("minutes", "counts"), [([0, 5, 39], True), ([0, 40, 45], False), ([0, 5, 40], False)]
)
def test_a_hole_makes_no_gap(minutes: list[int], counts: bool) -> None:
    assert bool(words(gaps([A, B, C], minutes=minutes))) == counts


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((13.0, 13.5, 12.1, 13.0), []),
        ((13.0, 13.5, 12.0, 13.0), ["touched"]),  # the edge itself
        ((13.0, 13.5, 11.1, 13.0), ["touched"]),
        ((13.0, 13.5, 11.0, 13.0), ["touched", "midpoint"]),
        ((13.0, 13.5, 10.0, 13.0), ["touched", "midpoint"]),  # at the far edge, not through
        ((13.0, 13.5, 9.9, 13.0), ["touched", "midpoint", "mitigated"]),
        ((13.0, 13.5, 9.9, 10.0), ["touched", "midpoint", "mitigated"]),  # closes on the edge
        ((13.0, 13.5, 9.8, 9.9), ["touched", "midpoint", "mitigated", "inverted"]),
    ],
)
@pytest.mark.parametrize("upside_down", [False, True])
def test_what_one_bar_does(bar: tuple[float, ...], expected: list[str], upside_down: bool) -> None:
    rows = [A, B, C, bar]
    found = gaps(mirror(rows) if upside_down else rows)
    assert words(found) == ["formed", *expected]
    side = -1 if upside_down else 1
    assert found["side"].tolist() == [side] * len(found) if "inverted" not in expected else True
    assert (found["gap_side"] == side).all()


def test_inverted_gap_acts_the_other_way_and_ends() -> None:
    found = gaps([A, B, C, (13.0, 13.0, 9.0, 9.5), CALM, (13.0, 13.0, 9.0, 9.0)])
    mine = found[found["zone_id"] == 2]
    assert words(mine) == ["formed", "touched", "midpoint", "mitigated", "inverted"]
    assert mine["side"].tolist() == [1, 1, 1, 1, -1]
    assert mine["bar"].tolist() == [2, 3, 3, 3, 3]


def test_each_word_once_over_several_bars() -> None:
    deep = (12.5, 13.0, 10.5, 12.5)
    found = gaps([A, B, C, (13.0, 13.5, 11.5, 13.0), deep, deep, (12.5, 12.5, 9.5, 10.5), deep])
    mine = found[found["zone_id"] == 2]
    assert list(zip(mine["bar"], mine["event"], strict=True)) == [
        (2, "formed"),
        (3, "touched"),
        (4, "midpoint"),
        (6, "mitigated"),
    ]


def test_expires() -> None:
    found = gaps([A, B, C, CALM, CALM, CALM, CALM], expiry_bars=3)
    assert list(zip(found["bar"], found["event"], strict=True)) == [(2, "formed"), (5, "expired")]
    last = gaps([A, B, C, CALM, CALM, (13.0, 13.0, 9.0, 9.5)], expiry_bars=3)
    assert words(last)[-1] == "inverted"  # in its last bar it is inverted, not expired


def test_no_atr_no_gap() -> None:
    bars = bar_frame(
        pd.date_range("2025-03-10", periods=3, freq="5min", tz="UTC"),
        Timeframe.M5,
        np.array([A, B, C]),
    )
    detector = get("fair_value_gap")
    for smallest, expected in ((0.1, []), (0.0, ["formed"])):
        inputs = {"atr": np.full(3, np.nan)}
        found = detector.detect(
            bars, detector.parameters(min_gap_atr=smallest), inputs, EURUSD, Timeframe.M5
        )
        assert words(as_frame(found)) == expected
