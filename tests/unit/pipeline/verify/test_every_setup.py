"""Every built-in setup and variant, discovered, passes the checks that `/verify` runs."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.domain.market import Timeframe
from pipeline.setups.detecting import depths, warm_up
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.live import LiveSetup
from pipeline.setups.model import ConfluenceRule
from pipeline.setups.signal_hours import SignalHours
from pipeline.verify.subject import SIGNALS, SetupSubject
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, LIBRARY, TOY, every_reading, random_bars, signals_of
from tests.kit.verifying import every_check

pytestmark = pytest.mark.slow

READINGS = every_reading()
NAMES = [f"{s.setup_id}{'+' if s.use else ''}{i}" for i, s in enumerate(READINGS)]
each = pytest.mark.parametrize("spec", READINGS, ids=NAMES)
each_plain = pytest.mark.parametrize("spec", LIBRARY.values(), ids=LIBRARY.keys())


@cache
def toy(timeframe):
    days = 45 if timeframe is Timeframe.M1 else 90
    return random_bars(np.random.default_rng(7), timeframe, days)


@cache
def eurusd(timeframe, days=80):
    bars, source = real_bars("eurusd_m1_histdata_2024H1")
    until = bars["open_time"].iloc[0] + pd.Timedelta(days=days)
    return resample(bars[bars["open_time"] < until].reset_index(drop=True), source, timeframe)


@cache
def ger40(timeframe):
    bars, source = real_bars("ger40_m5_2025")
    return resample(bars[:40_000], source, timeframe)


def holds(subject, bars):
    found = every_check(subject, bars, cuts=10, sessions=1)
    broken = {n: c.difference for n, c in found.items() if n != "counts" and c.verdict == "failed"}
    assert not broken
    return found


@each
def test_on_made_up_bars(spec):
    found = holds(SetupSubject(spec, spec.timeframe, TOY), toy(spec.timeframe))
    assert found["prefixes"].passed
    assert found["repeats"].passed


@each_plain
def test_on_real_currencies(spec):
    holds(SetupSubject(spec, spec.timeframe, EURUSD), eurusd(spec.timeframe))


@each_plain
def test_on_a_real_index(spec):
    slow = max(spec.timeframe, Timeframe.M5, key=lambda t: t.minutes)
    holds(SetupSubject(spec, slow, GER40), ger40(slow))


@each
def test_signals_are_known_only_in_the_hours_that_live_scanning_looks_at(spec):
    hours, seen = SignalHours(spec), 0
    for trigger in spec.timeframes:
        for bars, instrument in ((toy(trigger), TOY), (eurusd(trigger, 40), EURUSD)):
            for signal in signals_of(bars, spec, trigger, instrument).signals:
                assert hours.may_end_at(signal.known_at - trigger.delta, signal.known_at)
                seen += 1
    assert seen > 2
    day = pd.date_range("2024-06-03", periods=288, freq="5min", tz="UTC")
    looked_at = sum(hours.may_end_at(t, t + pd.Timedelta(minutes=5)) for t in day)
    assert looked_at < 100, "most of the day is left alone"


@each
def test_live_looks_back_no_further_than_a_backtest(spec):
    for trigger in spec.timeframes:
        deep = depths(spec, trigger)
        assert set(deep) == set(frames_for(toy(trigger)[:1], trigger, spec))
        assert deep[trigger] <= warm_up(spec, trigger) + max(deep.values())


def test_a_confluence_that_looks_back_further_is_allowed_for():
    plain = LIBRARY["Asia_sweep_engulf_v1"]
    lately = ConfluenceRule(name="engulfed lately", weight=1, tool="engulf", max_bars=2500)
    spec = plain.model_copy(update={"confluences": (lately,)})
    assert warm_up(spec, Timeframe.M5) == warm_up(plain, Timeframe.M5) + 2500
    assert depths(spec, Timeframe.M5)[Timeframe.M5] >= 2500 + 288


def test_a_shared_and_deeper_buffer_gives_the_same_signals():
    spec, bars = LIBRARY["Frank_raid_v1"], toy(Timeframe.M1)
    subject = SetupSubject(spec, Timeframe.M5, TOY)
    five = resample(bars, Timeframe.M1, Timeframe.M5)
    full = subject.said(five)[SIGNALS]
    moment = full.known_at[-1]
    row = int(np.searchsorted(five["close_time"].to_numpy(dtype="datetime64[us]"), moment))
    live = LiveSetup(spec, Timeframe.M5, TOY)
    deeper = {t: 2 * n + 77 for t, n in live.depths.items()} | {Timeframe.H4: 5}
    shared = live.buffer(Timeframe.M1)
    shared = type(shared)(Timeframe.M1, deeper)
    shared.append(bars[bars["close_time"] <= five["close_time"].iloc[row]])
    frames = frames_for(five[: row + 1], Timeframe.M5, spec)
    tools = detect(frames, spec, Timeframe.M5, TOY)
    since = five["close_time"].iloc[row].to_pydatetime()
    wanted = find_signals(frames, tools, spec, Timeframe.M5, TOY, since=since)
    assert [s.signal_id for s in live.scan(shared).signals] == [
        s.signal_id for s in wanted.signals
    ]
    assert wanted.signals


def test_an_empty_buffer_says_nothing():
    live = LiveSetup(LIBRARY["Frank_raid_v1"], Timeframe.M1, TOY)
    assert live.scan(live.buffer()).signals == []
