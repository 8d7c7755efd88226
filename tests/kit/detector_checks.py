"""Promises every detector must keep, as checks that raise AssertionError when one is broken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from pipeline.detectors import Detector
from pipeline.domain.events import EVENT_COLUMNS
from pipeline.domain.market import Instrument, Timeframe
from pipeline.verify.causality import prefix_invariance, warm_up_sufficiency
from pipeline.verify.repeats import repeats
from pipeline.verify.results import Check
from pipeline.verify.said import Said, said_by_tool
from tests.kit.run_detector import (
    Params,
    as_frame,
    build_inputs,
    found_by,
    run_detector,
    total_warm_up,
)

PRICE_COLUMNS = (
    *("price_low", "price_high", "mid", "level", "opposite", "extreme", "size", "price"),
    *("gap_low", "gap_high", "range_low", "range_high"),
)
SHARES = ("premium_discount",)
"""Series without a unit: doubled prices leave them as they are."""


@dataclass(frozen=True)
class Case:
    """One detector, on some bars, with some parameters."""

    detector: Detector
    bars: pd.DataFrame
    timeframe: Timeframe
    instrument: Instrument
    params: Params = field(default_factory=dict)
    providers: Mapping[str, tuple[str, Params]] = field(default_factory=dict)

    def run(self, bars: pd.DataFrame | None = None, instrument: Instrument | None = None) -> Any:
        """Return what it finds in these (or the given) bars."""
        return run_detector(
            self.detector,
            self.bars if bars is None else bars,
            self.timeframe,
            instrument or self.instrument,
            self.params,
            providers=self.providers,
        )

    def said(self, bars: pd.DataFrame, only: str | None = None) -> dict[str, Said]:
        """Return what it says of these bars, as `pipeline.verify` compares it."""
        found = found_by(
            self.detector, bars, self.timeframe, self.instrument, self.params, self.providers
        )
        return {self.detector.name: said_by_tool(found, bars)}

    def needs(self) -> dict[str, int]:
        """Return its declared look-back, that of its inputs included."""
        need = total_warm_up(self.detector, self.timeframe, self.params, providers=self.providers)
        return {self.detector.name: need}

    def day(self, moment: datetime) -> str:
        """Return the date in UTC."""
        return moment.date().isoformat()


def check_prefixes(case: Case, cuts: Iterable[int]) -> None:
    """What is said of bars[:n] is what was said by then of all bars, bit for bit."""
    n = len(case.bars)
    _holds(prefix_invariance(case, case.bars, [cut - 1 for cut in cuts if cut > 0], n, n))


def check_warm_up(case: Case, ends: Iterable[int]) -> int:
    """The last row on a window of the declared warm-up is the last row on the full history.

    Returns the number of statements compared; ends before the warm-up are skipped.
    """
    inside = [end for end in ends if end >= 0]
    found = warm_up_sufficiency(case, case.bars, inside, case.said(case.bars))
    _holds(found)
    return found.compared


def _holds(found: Check) -> None:
    assert found.verdict != "failed", f"{found.difference} ({' / '.join(found.sides)})"


def check_untouched(case: Case) -> None:
    """Bars and inputs are as they were before the call."""
    bars = case.bars.copy(deep=True)
    inputs = build_inputs(case.detector, bars, case.timeframe, case.instrument, case.providers)
    before = {name: as_frame(value).copy() for name, value in inputs.items()}
    case.detector.detect(
        bars, case.detector.parameters(**case.params), inputs, case.instrument, case.timeframe
    )
    pd.testing.assert_frame_equal(bars, case.bars, check_exact=True)
    for name, value in before.items():
        _same(as_frame(inputs[name]), value)


def check_repeats(case: Case) -> None:
    """The same bars give the same result twice, bit for bit."""
    _holds(repeats(case, case.bars))


def check_doubling(case: Case) -> None:
    """Doubling all prices, the tick, the point and the spread doubles all levels, and no more."""
    twice = case.bars.copy(deep=True)
    for name in ("open", "high", "low", "close", "spread"):
        twice[name] *= 2
    instrument = case.instrument.model_copy(
        update={
            "tick_size": case.instrument.tick_size * 2,
            "point": case.instrument.point * 2,
        }
    )
    once, doubled = case.run(), case.run(twice, instrument)
    if isinstance(once, np.ndarray):
        _same(doubled, once if case.detector.name in SHARES else once * 2)
        return
    once = once.assign(**{c: once[c] * 2 for c in PRICE_COLUMNS if c in once})
    _same(doubled, once)


def check_short(case: Case) -> None:
    """No bar and one bar give an answer of the right shape."""
    for n in (0, 1):
        check_schema(case, case.bars.iloc[:n].reset_index(drop=True))


def check_schema(case: Case, bars: pd.DataFrame | None = None) -> None:
    """The answer has the promised shape, order, words and times."""
    bars = case.bars if bars is None else bars
    found = case.run(bars)
    if case.detector.output == "series":
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float64
        assert found.shape == (len(bars),)
        stops = np.any(np.diff(np.isfinite(found).astype(int)) < 0)
        assert case.detector.pauses or not stops, "a series may not stop to exist"
        return
    assert dict(found.dtypes) == dict(case.run(bars.iloc[:0]).dtypes), "with events as without"
    _check_events(case.detector, bars, found)


def _check_events(detector: Detector, bars: pd.DataFrame, events: pd.DataFrame) -> None:
    common = list(EVENT_COLUMNS)
    assert list(events.columns[: len(common)]) == common
    assert {c: str(events[c].dtype) for c in common} == EVENT_COLUMNS
    assert events.index.equals(pd.RangeIndex(len(events)))
    order = events[["bar", "zone_id"]].to_numpy()
    assert all(tuple(a) <= tuple(b) for a, b in pairwise(order)), "sorted"
    assert set(events["event"]) <= set(detector.gives)
    assert set(events["side"]) <= {-1, 0, 1}
    if len(events):
        closes = bars["close_time"].iloc[events["bar"]].reset_index(drop=True)
        assert (closes == events["known_at"]).all(), "known_at is the bar's close"
        assert (events["start"] <= events["known_at"]).all()
        priced = events[events["event"] != "incomplete"]
        assert (priced["price_low"] <= priced["price_high"]).all()


def _same(left: Any, right: Any) -> None:
    if isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right)
        return
    pd.testing.assert_frame_equal(left, right.reset_index(drop=True), check_exact=True)
