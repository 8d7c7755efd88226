"""An evaluation says what an explanation of the day says of that moment; who depends on the clock."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.detectors import all_detectors, get
from pipeline.detectors.base import DEFAULT_INPUTS
from pipeline.domain.bars import BarColumns
from pipeline.domain.events import Events
from pipeline.domain.market import Timeframe
from pipeline.live.evaluating import NO_CLOCK, reads_the_clock
from pipeline.live.scanning import SymbolScan
from pipeline.setups.detecting import detect, frames_for
from pipeline.setups.model import SetupSpec
from pipeline.setups.why.days import explain_day
from pipeline.setups.why.moment import as_of
from pipeline.setups.why.relaxing import Ground
from tests.kit.setups import LIBRARY, TOY, random_bars

BARS = random_bars(np.random.default_rng(31), Timeframe.M1, 60)
TRIGGER = Timeframe.M5


@pytest.mark.parametrize("spec", LIBRARY.values(), ids=LIBRARY.keys())
def test_an_evaluation_is_what_the_explained_day_says_of_that_moment(spec, monkeypatch):
    monkeypatch.setattr("pipeline.setups.why.days.tool_misses", lambda *_: ())
    first = len(BARS) - 20 * 1440
    scan = SymbolScan(TOY, [(spec, TRIGGER)])
    scan.seed(BARS[:first])
    scanned = scan.advance(BARS[first:].reset_index(drop=True))
    evaluations = [e for one in scanned for e in one.evaluations]
    bars = resample(BARS, Timeframe.M1, TRIGGER)
    frames = frames_for(bars, TRIGGER, spec)
    ground = Ground(frames, detect(frames, spec, TRIGGER, TOY), spec, TRIGGER, TOY)
    days, seen = {}, set()
    for found in evaluations:
        day = (found.close - timedelta(seconds=1)).astimezone(ZoneInfo(spec.zone)).date()
        if day not in days:
            days[day] = explain_day(ground, day)
        cases = as_of(days[day], found.close).cases
        reached = max(case.reached for case in cases)
        gates = [gate.step for gate in cases[0].gates]
        assert found.step == (gates[reached - 1] if reached else "")
        furthest = [case for case in cases if case.reached == reached]
        states = {case.gates[reached].state for case in furthest if reached < len(case.gates)}
        if reached:
            assert (found.reason == "") == ("failed" not in states or "open" in states)
        if found.reason:
            assert found.reason in {case.gates[reached].reason for case in furthest}
        seen.add((found.step, bool(found.reason)))
    assert len(seen) >= 3, seen
    assert sum(e.signals for e in evaluations) == sum(len(one.signals) for one in scanned)


def shifted(bars, hours):
    """Return the bars as a clock shows them that is wrong by some hours."""
    wrong = pd.Timedelta(hours=hours)
    moved = {name: bars[name] + wrong for name in ("open_time", "close_time")}
    return bars.assign(**moved)


def said(bars, name, hours):
    """Return what a detector says, its times moved back by what the clock is wrong."""
    columns, found = BarColumns.of(bars), {}

    def run(name):
        if name not in found:
            detector = get(name)
            inputs = {wanted: run(DEFAULT_INPUTS[wanted]) for wanted in detector.inputs}
            parameters = detector.parameters()
            found[name] = detector.detect(columns, parameters, inputs, TOY, Timeframe.M15)
        return found[name]

    answer = run(name)
    if not isinstance(answer, Events):
        return pd.DataFrame({"value": answer})
    frame = answer.to_frame()
    for column in frame:
        if isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            frame[column] -= pd.Timedelta(hours=hours)
    return frame


@pytest.mark.parametrize("detector", [d.name for d in all_detectors()])
def test_who_reads_the_clock(detector):
    bars = random_bars(np.random.default_rng(8), Timeframe.M15, 60)
    right = said(bars, detector, 0)
    assert len(right) > 5
    same = all(said(shifted(bars, h), detector, h).equals(right) for h in (1, 5, -3))
    assert same == (detector in NO_CLOCK)


def test_a_setup_reads_the_clock_if_anything_of_it_does():
    assert all(reads_the_clock(spec) for spec in LIBRARY.values())
    words = LIBRARY["Asia_sweep_engulf_v1"].model_dump(mode="json", by_alias=True)
    step = {"name": "break", "title": "Structure breaks", "tool": "structure", "event": "choch"}
    timeless = {
        **words,
        "tools": {
            "atr": {"detector": "atr"},
            "swings": {"detector": "swing"},
            "structure": {"detector": "structure", "swings": "swings"},
        },
        "steps": [step], "confluences": [], "context": {},
        "stop": {"behind": "break.level", "atr": "atr", "buffer_atr": 0.1},
        "limits": {"per_side_and_day": 1},
    }  # fmt: skip
    assert not reads_the_clock(SetupSpec.model_validate(timeless))
    news = {"name": "no news", "weight": 1, "news_free": {}}
    for change in (
        {"limits": {"flat_at": "17:00"}},
        {"steps": [{**step, "window": {"start": "09:00", "end": "10:00"}}]},
        {"tools": {**timeless["tools"], "day": {"detector": "previous_day"}}},
        {"tools": {**timeless["tools"], "slow": {"detector": "atr", "timeframe": "H4"}}},
        {"confluences": [news]},
    ):
        assert reads_the_clock(SetupSpec.model_validate({**timeless, **change}))
