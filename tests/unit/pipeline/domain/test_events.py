"""Events as columns: what is asked of them is what a frame would say; nothing can be changed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detectors import all_detectors
from pipeline.domain.events import EVENT_COLUMNS, Events, empty_events
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD, random_bars
from tests.kit.run_detector import run_detector

BARS = random_bars(np.random.default_rng(7), 2000, missing=0.03)
NAMES = [d.name for d in all_detectors() if d.output == "events"]
WORDS = ("formed", "touched", "expired")


def columns(count: int, **changed: Any) -> dict[str, np.ndarray]:
    """Return the common columns of `count` events, one on each second bar."""
    bar = 2 * np.arange(count)
    at = np.datetime64("2025-03-10T09:00", "us") + bar * np.timedelta64(60, "s")
    price = np.linspace(1.0, 2.0, count)
    found = {"bar": bar, "known_at": at, "side": bar % 3 - 1, "start": at}
    return found | {"price_low": price, "price_high": price, "zone_id": bar} | changed


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_and_back(name: str) -> None:
    frame = run_detector(name, BARS, Timeframe.M5, EURUSD)
    again = Events.from_frame(frame)
    pd.testing.assert_frame_equal(again.to_frame(), frame, check_exact=True)
    assert again.names == tuple(frame.columns)
    some = np.arange(0, len(frame), 3)
    part = frame.iloc[some].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.take(some).to_frame(), part, check_exact=True)


@given(
    st.lists(st.integers(0, 2), max_size=30),
    st.sets(st.sampled_from([*WORDS, "unheard of"])),
    st.sampled_from([None, -1, 0, 1]),
    st.integers(-2, 70),
    st.integers(-2, 70),
)
def test_rows_are_those_that_a_filter_of_the_frame_keeps(
    code: list[int], words: set[str], side: int | None, first: int, last: int
) -> None:
    events = Events(WORDS, np.array(code, dtype="int64"), columns(len(code)))
    frame = events.to_frame()
    kept = frame["event"].isin(words) & ((frame["side"] == side) | (side is None))
    assert events.rows(sorted(words), side).tolist() == frame.index[kept].tolist()
    kept &= frame["bar"].between(first, last)
    assert events.between(sorted(words), side, first, last).tolist() == frame.index[kept].tolist()
    assert events["event"].tolist() == frame["event"].tolist()


def test_no_events_have_their_columns_and_types() -> None:
    events = empty_events(day="str", end="datetime64[us, UTC]", size="float64", formed_bar="int64")
    frame = events.to_frame()
    assert {c: str(frame[c].dtype) for c in EVENT_COLUMNS} == EVENT_COLUMNS
    assert [str(k) for k in frame.dtypes[-4:]] == [
        "str",
        "datetime64[us, UTC]",
        "float64",
        "int64",
    ]
    assert len(events) == len(events.rows(("formed",))) == 0


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"side": np.zeros(3)}, "side"),
        ({"bar": np.zeros(3, dtype="int32")}, "bar"),
        ({"price_low": np.zeros(2)}, "price_low"),
        ({"size": np.zeros(3, dtype=object)}, "size"),
        ({"start": np.zeros(3, dtype="int64")}, "start"),
    ],
)
def test_a_wrong_column_is_refused(changed: dict[str, np.ndarray], name: str) -> None:
    with pytest.raises(TypeError, match=name):
        Events(WORDS, np.zeros(3, dtype="int64"), columns(3, **changed))


def test_a_missing_column_is_refused() -> None:
    rest = columns(3)
    del rest["zone_id"]
    with pytest.raises(TypeError, match="zone_id"):
        Events(WORDS, np.zeros(3, dtype="int64"), rest)


def test_nothing_can_be_changed() -> None:
    events = Events(WORDS, np.zeros(3, dtype="int64"), columns(3))
    with pytest.raises(ValueError, match="read-only"):
        events["price_low"][0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        events.code[0] = 1
