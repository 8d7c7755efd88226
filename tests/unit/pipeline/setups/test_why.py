"""/why against the engine: the same signals and funnel always; the numbers of made-up days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.domain.market import Side, Timeframe
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.rules import parse_setup
from pipeline.setups.why.days import explain_day
from pipeline.setups.why.moment import as_of
from pipeline.setups.why.period import explain_period, funnel_of
from pipeline.setups.why.relaxing import Ground
from pipeline.setups.why.walk import walk
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, TEXTS, TOY, every_reading, random_bars
from tests.unit.pipeline.setups.test_engine import BREAK, BROKEN, SWEEP, SWEPT, TINY, day_of

pytestmark = pytest.mark.slow

READINGS = every_reading()
NAMES = [f"{s.setup_id}{'+' if s.use else ''}{i}" for i, s in enumerate(READINGS)]
each = pytest.mark.parametrize("spec", READINGS, ids=NAMES)


def ground_of(bars, spec, trigger, instrument):
    frames = frames_for(bars, trigger, spec)
    return Ground(frames, detect(frames, spec, trigger, instrument), spec, trigger, instrument)


def markets(spec):
    trigger = spec.timeframe
    yield random_bars(np.random.default_rng(7), trigger, 30), trigger, TOY
    slow = max(trigger, Timeframe.M5, key=lambda t: t.minutes)
    bars, source = real_bars("ger40_m5_2025")
    yield resample(bars[:25_000], source, slow), slow, GER40
    bars, source = real_bars("eurusd_m1_histdata_2024H1")
    yield resample(bars[:45_000], source, trigger), trigger, EURUSD


def days_of(bars, spec):
    local = bars["close_time"].dt.tz_convert(spec.zone)
    return local.iloc[0].date(), local.iloc[-1].date()


@each
def test_complete_cases_are_the_backtests_signals_and_the_funnel_is_its_funnel(spec):
    seen = 0
    for bars, trigger, instrument in markets(spec):
        ground = ground_of(bars, spec, trigger, instrument)
        found = find_signals(ground.frames, ground.tools, spec, trigger, instrument)
        walked = walk(spec, ground.tape(), days_of(bars, spec))
        plans = sorted((p for _, p in walked.signals), key=lambda p: (p.known_at, -p.side.sign))
        assert plans == found.plans
        funnel = list(funnel_of(walked, spec))
        for mine, engines in zip(funnel, found.funnel, strict=True):
            assert (mine.step, mine.days, mine.lost) == (engines.step, engines.days, engines.lost)
            assert mine.cases <= engines.cases  # the engine counts a case once for each way there
        seen += len(plans)
    assert seen >= 5


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_day_explained_as_complete_has_exactly_the_backtests_signal(name):
    spec, rng, seen = parse_setup(TEXTS[name], name), np.random.default_rng(3), 0
    for bars, trigger, instrument in markets(spec):
        ground = ground_of(bars, spec, trigger, instrument)
        found = find_signals(ground.frames, ground.tools, spec, trigger, instrument)
        first, last = days_of(bars, spec)
        days = [first + timedelta(days=int(d)) for d in rng.integers(0, (last - first).days, 5)]
        days += [date.fromisoformat(s.day) for s in found.signals[::7]][:4]
        for day in days:
            explained = explain_day(ground, day)
            complete = [c for c in explained.cases if c.complete]
            wanted = [s for s in found.signals if s.day == day.isoformat()]
            mine = sorted((c.signal for c in complete), key=lambda s: (s.known_at, -s.side.sign))
            assert mine == wanted
            assert [c.plan for c in sorted(complete, key=lambda c: c.signal.signal_id)] == [
                p for s, p in zip(found.signals, found.plans, strict=True) if s in wanted
            ]
            seen += len(wanted)
            for case in explained.cases:
                states = [g.state for g in case.gates]
                assert len(states) == len(spec.steps) + 1
                assert case.complete == (set(states) == {"held"})
                if not case.complete:
                    n = states.index("failed" if "failed" in states else "open")
                    assert states == ["held"] * n + [states[n]] + ["waiting"] * (
                        len(states) - n - 1
                    )
                    assert case.gates[n].reason or states[n] == "open"
    assert seen >= 3


def explained(text, story=SWEPT, timeframe=Timeframe.M5, day=date(2025, 1, 15), days=3):
    spec = parse_setup(text, "x")
    ground = ground_of(day_of(story, timeframe, days, spread=0.02), spec, timeframe, TINY)
    return explain_day(ground, day), ground


def failed(found, side=1):
    case = next(c for c in found.cases if c.side == side)
    return next(g for g in case.gates if g.state == "failed")


def test_a_signal_is_told_gate_by_gate_with_its_numbers():
    found, _ = explained(SWEEP)
    case = found.cases[0]
    assert case.complete and case.signal.side is Side.LONG
    assert [g.step for g in case.gates] == ["range", "sweep", "engulf", "signal"]
    assert case.gates[2].at == datetime(2025, 1, 15, 8, 55, tzinfo=UTC)
    assert case.gates[0].facts == ("99.100 – 100.900",)
    assert any(f.startswith("market 99.520, stop 98.") for f in case.gates[-1].facts)


def test_too_late_by_minutes():
    early = SWEEP.replace(
        'window: {start: "08:00", end: "11:00"}', 'window: {start: "08:00", end: "08:45"}'
    )
    assert early != SWEEP
    found, _ = explained(early.replace('end: "11:00"', 'end: "08:45"'))
    gate = failed(found)
    assert gate.step == "engulf"
    assert gate.at == datetime(2025, 1, 15, 8, 45, tzinfo=UTC)
    (miss,) = [m for m in gate.misses if m.knob == "engulf.window.end"]
    assert miss.words == "came at 08:55, window ended 08:45"
    assert (miss.size, miss.unit) == (10, "min")


def test_too_many_bars():
    text = SWEEP.replace("    event: formed\n", "    event: formed\n    max_bars: 3\n").replace(
        "    event: formed\n    max_bars: 3\n", "    event: formed\n", 1
    )
    (miss,) = [m for m in failed(explained(text)[0]).misses if "max_bars" in m.knob]
    assert miss.words == "4 bars after the sweep, max_bars 3"


def test_a_price_not_beyond():
    low = {**SWEPT, "08:50": (98.5, 98.9, 98.4, 98.85)}
    gate = failed(explained(SWEEP, low)[0])
    (miss,) = [m for m in gate.misses if m.knob == "engulf.where"]
    assert miss.words == "close 98.850 not beyond sweep.level 99.100 (0.250 off)"


def test_a_number_out_of_its_limits():
    limit = "    limits:\n      - {value: range.size, per: atr, max: 0.5, too_large: too wide}\n"
    found, ground = explained(SWEEP.replace("    draw: range\n", "    draw: range\n" + limit, 1))
    gate = next(g for g in found.cases[0].gates if g.state == "failed")
    assert (gate.step, gate.reason) == ("range", "too wide")
    (miss,) = gate.misses
    bar = int(ground.tape().events["asia"].bar[-1])
    assert miss.needed == pytest.approx(1.8 / ground.tape().series["atr"][bar])
    assert miss.words.startswith("range.size/atr ") and miss.words.endswith(", maximum 0.5")


def test_a_parameter_of_the_tool_is_found_by_trying():
    """A gap of 0.07 ATR, the least is 0.1; nothing in /why knows what a gap is."""
    story = {**BROKEN, "08:30": (102.2, 102.9, 101.1, 102.7)}
    free = BREAK[: BREAK.index("  - name: structure")] + BREAK[BREAK.index("confluences:") :]
    free = free.replace("{name: gap of 0.3", "{name: gap of 0.3").replace(
        "min_gap_atr: 0.1", "min_gap_atr: 0.09"
    )
    day = date(2025, 1, 24)
    plain, ground = explained(free, story, Timeframe.M15, day, days=12)
    size = 0.1 / ground.tape().series["atr"][-1]
    if plain.cases[0].complete:
        pytest.fail("the gap should be too small")
    gate = failed(plain)
    (miss,) = [m for m in gate.misses if m.knob == "gaps.min_gap_atr"]
    bars = ground.frames[Timeframe.M15]
    at_b = int(bars.index[bars["open_time"] == pd.Timestamp("2025-01-24 08:15", tz="UTC")][0])
    size = 0.1 / ground.tape().series["atr"][at_b]
    assert miss.limit == 0.09
    assert miss.needed == pytest.approx(size, rel=0.02)
    assert miss.needed <= size
    assert miss.words.endswith(", limit 0.09")


RAID = """
setup_id: Raid
rule_version: 1.0
title: t
author: a
reason: r
symbols: [GER40]
timeframe: M1
timeframes: [M1]
zone: Europe/Berlin
tools:
  atr:       {detector: atr, length: 14}
  frankfurt: {detector: session_range, session: frankfurt}
  raids:     {detector: raid, levels: frankfurt, atr: atr, reclaim_minutes: 30}
steps:
  - {name: range, title: range, tool: frankfurt, event: formed, unless: {incomplete: bars are missing}}
  - {name: sweep, title: swept, tool: raids, event: penetrated, of: range, take: each}
  - {name: reclaim, title: back, tool: raids, event: reclaimed, of: sweep, unless: {accepted_break: stayed outside}}
stop: {behind: reclaim.extreme, atr: atr, buffer_atr: 0.1}
targets: [{tp: 1}]
"""


def raid_day(minutes):
    """The low 99.1 is swept at 08:30 UTC; the bar that closes back inside ends `minutes` later."""
    outside = (
        {f"08:{m:02d}": (98.6, 98.8, 98.5, 98.7) for m in range(30, 30 + minutes - 1)}
        if minutes <= 30
        else {}
    )
    if minutes > 30:
        clock = [
            datetime(2025, 1, 15, 8, 30, tzinfo=UTC) + timedelta(minutes=m)
            for m in range(minutes - 1)
        ]
        outside = {f"{c:%H:%M}": (98.6, 98.8, 98.5, 98.7) for c in clock}
    return outside


def test_the_reclaim_came_after_34_minutes():
    found, _ = explained(RAID, raid_day(34), Timeframe.M1)
    gate = failed(found)
    assert (gate.step, gate.reason) == ("reclaim", "stayed outside")
    assert gate.at == datetime(2025, 1, 15, 9, 0, tzinfo=UTC)
    (miss,) = [m for m in gate.misses if m.knob == "raids.reclaim_minutes"]
    assert (miss.needed, miss.limit) == (34, 30)
    assert miss.words == "reclaim_minutes 34, limit 30"
    assert explained(RAID, raid_day(30), Timeframe.M1)[0].cases[0].complete


def test_a_session_that_lacks_bars_says_how_much_would_have_been_enough():
    spec = parse_setup(RAID, "x")
    bars = day_of(raid_day(10), Timeframe.M1, 3, spread=0.02)
    gone = bars["open_time"].between("2025-01-15 07:10Z", "2025-01-15 07:20Z")  # 11 of 60 minutes
    ground = ground_of(bars[~gone].reset_index(drop=True), spec, Timeframe.M1, TINY)
    gate = explain_day(ground, date(2025, 1, 15)).cases[0].gates[0]
    assert (gate.state, gate.reason) == ("failed", "bars are missing")
    (miss,) = gate.misses
    assert miss.knob == "frankfurt.min_coverage"
    assert miss.needed == pytest.approx(49 / 60, rel=2e-3)
    assert miss.needed <= 49 / 60


def test_what_spoilt_it_is_told_with_its_price():
    text = SWEEP.replace(
        "limits:",
        "voids:\n  - {name: new low, since: sweep, price: touch, is: behind, of: sweep.low}\nlimits:",
        1,
    )
    gate = failed(explained(text)[0])
    assert (gate.step, gate.reason) == ("signal", "new low")
    (miss,) = [m for m in gate.misses if m.knob.startswith("voids")]
    assert miss.words == "traded at 98.400 in the bar of 08:35, sweep.low 98.600"


def test_a_required_confluence_is_a_gate_too():
    rule = "confluences:\n  - {name: deep, weight: 1, required: true, value: sweep.depth_atr, min: 50}\n"
    gate = failed(explained(SWEEP.replace("confluences:\n", rule))[0])
    assert (gate.step, gate.reason) == ("signal", "required: deep")
    assert gate.misses[0].words.endswith(", limit 50")


def test_small_targets_and_small_r_give_their_numbers():
    text = SWEEP.replace("limits:", "limits:\n  min_r_spreads: 99", 1)
    (miss,) = failed(explained(text)[0]).misses
    assert miss.words.startswith("R is 6") and miss.words.endswith(" spreads, minimum 99")
    near = SWEEP.replace("{tp: 2.0}", "{tp: 2.0, min_r: 3}")
    (miss,) = failed(explained(near)[0]).misses
    assert miss.words == "target at 2 R, minimum 3"


def test_at_a_moment_only_what_was_known_then():
    found, _ = explained(SWEEP)
    at = lambda clock: as_of(found, datetime.fromisoformat(f"2025-01-15T{clock}+00:00")).cases[0]  # noqa: E731
    states = lambda case: [g.state for g in case.gates]  # noqa: E731
    assert states(at("05:00")) == ["open", "waiting", "waiting", "waiting"]
    assert states(at("06:00")) == ["held", "open", "waiting", "waiting"]
    assert states(at("08:54")) == ["held", "held", "open", "waiting"]
    assert at("08:54").plan is None and len(at("08:54").signal.trace) == 2
    assert states(at("08:55")) == ["held"] * 4
    assert at("08:55") == found.cases[0]


def test_a_day_without_bars_and_a_day_that_has_not_ended():
    _, ground = explained(SWEEP)
    case = explain_day(ground, date(2025, 1, 18)).cases[0]
    assert (case.gates[0].state, case.gates[0].reason) == ("open", "no bars are held of that day")
    bars = day_of(SWEPT, spread=0.02)
    cut = bars[bars["close_time"] <= pd.Timestamp("2025-01-15 08:40Z")].reset_index(drop=True)
    ground = ground_of(cut, parse_setup(SWEEP, "x"), Timeframe.M5, TINY)
    case = explain_day(ground, date(2025, 1, 15)).cases[0]
    assert [g.state for g in case.gates] == ["held", "held", "open", "waiting"]


def test_a_period_counts_near_misses_by_size():
    bars, _ = real_bars("ger40_m5_2025")
    spec = parse_setup(TEXTS["Frank_raid_v1.yaml"], "x")
    part = bars[
        (bars["open_time"] >= "2025-02-15 00:00Z") & (bars["open_time"] < "2025-04-01 00:00Z")
    ]
    ground = ground_of(part.reset_index(drop=True), spec, Timeframe.M5, GER40)
    days = (date(2025, 3, 1), date(2025, 3, 31))
    period = explain_period(ground, days)
    single = [explain_day(ground, days[0] + timedelta(days=n)) for n in range(31)]
    assert period.signals == sum(c.complete for d in single for c in d.cases)
    assert period.days == 21
    wide = next(m for m in period.misses if m.knob == "range.limits.max")
    sizes = [
        m
        for d in single
        for c in d.cases
        for g in c.gates
        for m in g.misses
        if m.knob == wide.knob
    ]
    near = [m.size for m in sizes if m.size <= 1.5]
    assert (wide.count, wide.smallest, wide.largest) == (len(near), min(near), max(near))
    assert all(m.limit != 0 and m.count > 0 for m in period.misses)
    assert [m.count for m in period.misses] == sorted(
        (m.count for m in period.misses), reverse=True
    )
    late = next(m for m in period.misses if m.knob == "raids.reclaim_minutes")
    reclaim = [
        m
        for d in single
        for c in d.cases
        for g in c.gates
        for m in g.misses
        if m.knob == late.knob
    ]
    assert late.count == sum(m.needed <= 60 for m in reclaim)
    assert ZoneInfo(spec.zone).key == "Europe/Berlin"
