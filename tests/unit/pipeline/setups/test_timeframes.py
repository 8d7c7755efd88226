"""Several timeframes in one setup: each tool is read at its last closed bar, for every prefix."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.data.news import parse_news
from pipeline.domain.market import Timeframe
from pipeline.setups.engine import detect, frames_for, warm_up
from pipeline.setups.rules import parse_setup
from pipeline.setups.tape import tape_of
from tests.kit.real_bars import real_bars
from tests.kit.run_detector import as_frame
from tests.kit.setups import EURUSD, GER40, TOY, random_bars, signals_of

EXAMPLES = sorted((Path(__file__).parents[4] / "docs" / "examples").glob("*.yaml"))
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
LADDER = (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)


def example(path):
    return parse_setup(path.read_text(encoding="utf-8"), path.name)


def calendar(bars):
    """High-impact news every second day at 08:40 UTC, and a quiet last day."""
    days = pd.date_range(
        bars["open_time"].iloc[0].normalize(), bars["close_time"].iloc[-1], freq="2D"
    )
    rows = [
        f"{day:%Y-%m-%d} 08:40,{currency},high,x" for day in days for currency in ("EUR", "USD")
    ]
    rows.append(f"{bars['close_time'].iloc[-1]:%Y-%m-%d} 23:59,EUR,none,end of the calendar")
    return parse_news("time,currency,impact,title\n" + "\n".join(rows), "news.csv")


def markets():
    eurusd, source = real_bars("eurusd_m1_histdata_2024H1")
    yield resample(eurusd[:90_000], source, Timeframe.M1), Timeframe.M1, EURUSD
    ger40, _ = real_bars("ger40_m5_2025")
    yield ger40[:40_000].reset_index(drop=True), Timeframe.M5, GER40


@each_example
def test_an_example_finds_signals_that_no_later_bar_changes(path):
    spec, rng, seen = example(path), np.random.default_rng(2), 0
    for bars, trigger, instrument in markets():
        news = calendar(bars)
        full = signals_of(bars, spec, trigger, instrument, news=news)
        seen += len(full.signals)
        ends = np.searchsorted(bars["close_time"], [s.known_at for s in full.signals]) + 1
        cuts = {*rng.choice(ends, 4), *(rng.choice(ends, 2) - 1), *rng.integers(1, len(bars), 2)}
        for n in map(int, cuts):
            part = signals_of(bars[:n].copy(), spec, trigger, instrument, news=news)
            known = bars["close_time"].iloc[n - 1]
            assert part.signals == [s for s in full.signals if s.known_at <= known]
            assert part.plans == [p for p in full.plans if p.known_at <= known]
    assert seen >= 10


@each_example
def test_an_examples_warm_up_decides_its_last_day(path):
    spec = example(path)
    for bars, trigger, instrument in markets():
        news, need = calendar(bars), warm_up(spec, trigger)
        full = signals_of(bars, spec, trigger, instrument, news=news)
        ends = np.searchsorted(bars["close_time"], [s.known_at for s in full.signals]) + 1
        late = [(s, int(e)) for s, e in zip(full.signals, ends, strict=True) if e >= need]
        assert late
        for signal, end in late[:: max(1, len(late) // 4)]:
            window = bars[end - need : end].reset_index(drop=True)
            again = signals_of(window, spec, trigger, instrument, news=news).signals[-1]
            assert (again.known_at, again.side) == (signal.known_at, signal.side)
            assert again.sl_price == pytest.approx(signal.sl_price, rel=1e-9)
            assert [c.met for c in again.confluences] == [c.met for c in signal.confluences]


LADDER_HEAD = """
setup_id: Ladder
rule_version: 1.0
title: t
author: a
reason: r
symbols: [EURUSD]
timeframe: M1
timeframes: [M1, M5]
zone: Europe/Berlin
tools:
  atr: {detector: atr, length: 3}
"""
LADDER_TAIL = """
steps:
  - {name: turn, title: t, tool: turn_m5, event: [bos, choch]}
stop: {behind: turn.far, atr: atr, buffer_atr: 1}
targets: [{tp: 1}]
"""
LADDER_TEXT = (
    LADDER_HEAD
    + "\n".join(
        f"  atr_{t.lower()}: {{detector: atr, length: 3, timeframe: {t}}}\n"
        f"  swing_{t.lower()}: {{detector: swing, k: 1, timeframe: {t}}}\n"
        f"  turn_{t.lower()}: {{detector: structure, swings: swing_{t.lower()}, timeframe: {t}}}"
        for t in LADDER
    )
    + LADDER_TAIL
)


def ladder():
    spec = parse_setup(LADDER_TEXT, "x")
    bars = random_bars(np.random.default_rng(9), Timeframe.M1, 12)
    frames = frames_for(bars, Timeframe.M1, spec)
    tools = detect(frames, spec, Timeframe.M1, TOY)
    return spec, bars, frames, tools, tape_of(frames, tools, spec, Timeframe.M1, TOY, None)


@pytest.mark.parametrize("timeframe", LADDER)
def test_a_series_of_any_timeframe_is_that_of_its_last_closed_bar(timeframe):
    _, bars, frames, tools, tape = ladder()
    closes = frames[timeframe]["close_time"]
    for i in np.random.default_rng(6).integers(0, len(bars), 100):
        closed = np.flatnonzero((closes <= bars["close_time"].iloc[i]).to_numpy())
        wanted = tools[f"atr_{timeframe.lower()}"][closed[-1]] if len(closed) else np.nan
        np.testing.assert_equal(tape.series[f"atr_{timeframe.lower()}"][i], wanted)


@pytest.mark.parametrize("timeframe", LADDER)
def test_an_event_of_any_timeframe_is_used_at_the_first_trigger_bar_that_knows_it(timeframe):
    _, bars, _, tools, tape = ladder()
    events = tape.events[f"turn_{timeframe.lower()}"]
    found = as_frame(tools[f"turn_{timeframe.lower()}"])
    assert len(events.bar) == len(found) > 0
    for bar, known_at in zip(events.bar, found["known_at"], strict=True):
        assert bars["close_time"].iloc[bar] >= known_at
        assert bar == 0 or bars["close_time"].iloc[bar - 1] < known_at


def test_no_frame_shows_a_bar_before_its_close_whatever_the_cut():
    spec, bars, _, _, tape = ladder()
    rng = np.random.default_rng(8)
    for n in rng.integers(2000, len(bars), 12):
        part = bars[:n]
        cut = frames_for(part, Timeframe.M1, spec)
        found = detect(cut, spec, Timeframe.M1, TOY)
        tape_cut = tape_of(cut, found, spec, Timeframe.M1, TOY, None)
        for name, series in tape_cut.series.items():
            np.testing.assert_array_equal(series, tape.series[name][:n])
        for name, events in tape_cut.events.items():
            known = tape.events[name].bar < n
            np.testing.assert_array_equal(events.bar, tape.events[name].bar[known])
            np.testing.assert_array_equal(events.side, tape.events[name].side[known])


def test_d1_and_h4_bars_begin_at_the_roll_of_the_new_york_day():
    """17:00 New York: 22:00 UTC in winter, 21:00 in summer; H4 counts from it."""
    bars = random_bars(np.random.default_rng(1), Timeframe.M15, 60)  # over the change in March
    for timeframe, step in ((Timeframe.D1, 24), (Timeframe.H4, 4)):
        opened = resample(bars, Timeframe.M15, timeframe)["open_time"][1:]
        hours = opened.dt.tz_convert("America/New_York").dt.hour
        assert set((hours - 17) % step) == {0}
