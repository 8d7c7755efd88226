"""Confluences: each kind met and not met, required ones, and what stands for the unknown."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.data.news import parse_news
from pipeline.domain.errors import SetupError
from pipeline.domain.market import Timeframe
from pipeline.setups.conditions import ConfluenceRule
from pipeline.setups.confluences import judged
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.rules import parse_setup
from pipeline.setups.tape import tape_of
from tests.kit.setups import TEXTS, TOY, random_bars, signals_of
from tests.unit.pipeline.setups.test_engine import SWEPT, TINY, day_of

SWEEP = TEXTS["Asia_sweep_engulf_v1.yaml"]


def with_rule(rule, tools=""):
    """Return the sweep setup with one confluence instead of its own, and more tools."""
    text = SWEEP[: SWEEP.index("confluences:")] + f"confluences:\n  - {rule}\n"
    text += SWEEP[SWEEP.index("entry:") :]
    return text.replace("tools:\n", f"tools:\n{tools}", 1)


def found_with(rule, tools="", news=None):
    return signals_of(
        day_of(SWEPT, spread=0.02), parse_setup(with_rule(rule, tools), "x"), Timeframe.M5, TINY,
        news=None if news is None else parse_news(news, "news.csv"),
    )  # fmt: skip


def last_met(rule, tools="", news=None):
    (confluence,) = found_with(rule, tools, news).signals[-1].confluences
    return confluence.met, confluence.note


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        ("{name: a, weight: 1, where: {value: close, is: behind, of: range.middle}}", True),
        ("{name: a, weight: 1, where: {value: close, is: beyond, of: range.middle}}", False),
        ("{name: a, weight: 1, where: {value: close, is: beyond, of: 99.4}}", True),
        ("{name: a, weight: 1, where: {value: close, is: beyond, of: 99.6}}", False),
        ("{name: a, weight: 1, where: {value: 1e2, is: beyond, of: close}}", True),
        ("{name: a, weight: 1, tool: engulf}", True),
        ("{name: a, weight: 1, tool: engulf, side: opposite}", False),
        ("{name: a, weight: 1, tool: engulf, max_bars: 0}", True),
        ("{name: a, weight: 1, tool: raids, event: penetrated, max_bars: 4}", True),
        ("{name: a, weight: 1, tool: raids, event: penetrated, max_bars: 3}", False),
        ("{name: a, weight: 1, tool: raids, event: penetrated, since: sweep}", True),
        ("{name: a, weight: 1, tool: raids, event: penetrated, since: engulf}", False),
        ("{name: a, weight: 1, tool: raids, event: [penetrated], side: opposite, since: sweep}", False),
        ("{name: a, weight: 1, tool: raids, event: penetrated, side: any, since: sweep}", True),
    ],
)  # fmt: skip
def test_a_long_swept_at_0830_and_engulfed_at_0850(rule, met):
    assert last_met(rule)[0] is met


CPI = "time,currency,impact,title\n{0},EUR,high,CPI\n2025-01-10 10:00,EUR,low,x\n2025-01-20 10:00,EUR,low,x\n"
NEWS_FREE = (
    "{name: quiet, weight: 1, news_free: {minutes_before: 30, minutes_after: 20, impact: medium}}"
)


@pytest.mark.parametrize(
    ("when", "met"),
    [
        ("2025-01-15 09:25", False),  # the signal is known at 08:55: 30 minutes ahead
        ("2025-01-15 09:26", True),
        ("2025-01-15 08:55", False),
        ("2025-01-15 08:36", False),
        ("2025-01-15 08:35", True),  # 20 minutes are over
        ("2025-01-15T09:35:00+01:00", True),
    ],
)
def test_news_near_the_signal(when, met):
    assert last_met(NEWS_FREE, news=CPI.format(when))[0] is met


def test_only_news_that_concern_the_symbol_and_weigh_enough_count():
    near = CPI.format("2025-01-15 09:00")
    assert last_met(NEWS_FREE, news=near.replace("EUR,high", "JPY,high"))[0]
    assert last_met(NEWS_FREE, news=near.replace("EUR,high", "EUR,low"))[0]
    assert not last_met(NEWS_FREE, news=near.replace("EUR,high", "EUR,medium"))[0]
    of_yen = NEWS_FREE.replace("medium}", "medium, currencies: [jpy]}")
    assert not last_met(of_yen, news=near.replace("EUR,high", "JPY,high"))[0]
    assert last_met(of_yen, news=near)[0]


@pytest.mark.parametrize(
    "news",
    [
        None,
        "time,currency,impact,title\n",
        "time,currency,impact,title\n2025-01-10 10:00,EUR,low,x\n2025-01-14 10:00,EUR,low,x\n",
        "time,currency,impact,title\n2025-01-16 00:00,EUR,low,x\n2025-01-20 10:00,EUR,low,x\n",
    ],
    ids=["no file", "empty", "ends before", "begins after"],
)
def test_an_unknown_calendar_never_passes(news):
    met, note = last_met(NEWS_FREE, news=news)
    assert (met, note) == (False, "no news calendar for that time")
    hard = found_with(NEWS_FREE.replace("weight: 1", "weight: 1, required: true"), news=news)
    assert hard.signals == []
    lost = "required: quiet (no news calendar for that time)"
    assert hard.funnel[-1].lost == {lost: len(found_with(NEWS_FREE).signals)}


def test_a_required_condition_refuses_and_says_so():
    plain = found_with("{name: a, weight: 1, tool: engulf}")
    held = found_with("{name: a, weight: 1, required: true, tool: engulf}")
    assert held.signals == plain.signals
    rule = "{name: deep, weight: 1, required: true, value: sweep.depth_atr, min: 99}"
    none = found_with(rule)
    assert none.signals == []
    assert none.funnel[-1].lost == {"required: deep": len(plain.signals)}


def test_what_is_met_does_not_depend_on_later_news_or_later_bars():
    """A presence at a bar is judged by what is known there: every prefix gives the same."""
    rng = np.random.default_rng(4)
    bars = random_bars(rng, Timeframe.M5, 30)
    rule = "{name: a, weight: 1, tool: turns, event: choch, max_bars: 30}"
    tools = "  swings: {detector: swing, k: 3, timeframe: M15}\n"
    tools += "  turns: {detector: structure, swings: swings, timeframe: M15}\n"
    spec = parse_setup(with_rule(rule, tools), "x")
    full = signals_of(bars, spec, Timeframe.M5, TOY)
    assert len({s.confluences[0].met for s in full.signals}) == 2
    for signal in full.signals:
        end = int(np.searchsorted(bars["close_time"], signal.known_at)) + 1
        assert signals_of(bars[:end], spec, Timeframe.M5, TOY).signals[-1] == signal


@pytest.mark.parametrize(
    ("rule", "field", "why"),
    [
        ("{name: a, weight: 1}", "confluences[0]", "give one of (valid: value, where, tool, news_free)"),
        ("{name: a, weight: 1, tool: engulf, value: close}", "confluences[0]", "give one of"),
        ("{name: a, weight: 1, tool: atr}", "confluences[0].tool", "gives no events"),
        ("{name: a, weight: 1, tool: price}", "confluences[0].tool", "'price' gives no events"),
        ("{name: a, weight: 1, tool: engulf, event: form}", "confluences[0].event", "has no event 'form' (valid: formed)"),
        ("{name: a, weight: 1, tool: engulf, since: swep}", "confluences[0].since", "did you mean 'sweep'?"),
        ("{name: a, weight: 1, value: close, max_bars: 3}", "confluences[0].max_bars", "goes with `tool` only"),
        ("{name: a, weight: 1, where: {value: close, is: beyond, of: rang.low}}", "confluences[0].where.of", "is no `step.field`"),
        ("{name: a, weight: 1, news_free: {impact: huge}}", "confluences[0].news_free.impact", "valid: none, low, medium, high"),
        ("{name: a, weight: 1, news_free: {minutes: 3}}", "confluences[0].news_free.minutes", "unknown word 'minutes'"),
    ],
)  # fmt: skip
def test_mistakes_are_named(rule, field, why):
    with pytest.raises(SetupError) as refused:
        parse_setup(with_rule(rule), "x.yaml")
    assert refused.value.field == field
    assert why in refused.value.user_text


def test_every_detector_that_gives_events_or_a_series_can_be_used_in_a_confluence():
    """Whatever is registered: a state, a presence, a bound, a price against it."""
    from pipeline.detectors import all_detectors

    inputs = {
        "atr": "atr", "adr": "adr2", "levels": "asia", "swings": "swings2", "gaps": "gaps2",
        "structure": "turns2", "displacements": "moves2",
    }  # fmt: skip
    for detector in all_detectors():
        assert set(detector.inputs) <= set(inputs), f"{detector.name} reads something new"
        given = "".join(f", {name}: {inputs[name]}" for name in detector.inputs)
        tools = """\
  adr2: {detector: adr, days: 2, timeframe: H1}
  swings2: {detector: swing, k: 3}
  gaps2: {detector: fair_value_gap, atr: atr}
  turns2: {detector: structure, swings: swings2}
"""
        if "displacements" in detector.inputs:
            tools += "  moves2: {detector: displacement, gaps: gaps2, atr: atr}\n"
        tools += f"  mine: {{detector: {detector.name}{given}}}\n"
        if detector.output == "events":
            rules = (
                "tool: mine",
                "tool: mine, max_bars: 20",
                f"tool: mine, event: {detector.gives[0]}",
            )
        else:
            rules = (
                "value: mine, min: 0",
                "where: {value: mine, is: beyond, of: 0.5}",
                "value: range.size, per: mine, max: 9",
            )
        all_three = "\n  - ".join(f"{{name: a, weight: 1, {rule}}}" for rule in rules)
        (signal,) = found_with(all_three, tools).signals
        assert len(signal.confluences) == 3, detector.name


def test_a_premium_series_reads_the_same_for_both_sides():
    """`behind 0.5` is the cheaper half for a long, the dearer half for a short."""
    spec = parse_setup(with_rule("{name: a, weight: 1, tool: engulf}"), "x")
    bars = day_of(SWEPT, spread=0.02)
    frames = frames_for(bars, Timeframe.M5, spec)
    tools = detect(frames, spec, Timeframe.M5, TINY)
    tape = tape_of(frames, tools, spec, Timeframe.M5, TINY, None)
    tape = replace(tape, series={**tape.series, "share": np.full(len(bars), 0.3)})
    rule = ConfluenceRule.model_validate(
        {"name": "a", "weight": 1, "where": {"value": "share", "is": "behind", "of": 0.5}}
    )
    from pipeline.setups.cases import Case

    day = pd.Timestamp("2025-01-15").date()
    assert judged(rule, Case(day, 1, 600, {}), tape).met
    assert not judged(rule, Case(day, -1, 600, {}), tape).met


def test_signals_without_news_rules_ignore_the_calendar():
    bars = day_of(SWEPT, spread=0.02)
    spec = parse_setup(SWEEP, "x")
    frames = frames_for(bars, Timeframe.M5, spec)
    tools = detect(frames, spec, Timeframe.M5, TINY)
    news = parse_news(CPI.format("2025-01-15 09:00"), "news.csv")
    one = find_signals(frames, tools, spec, Timeframe.M5, TINY)
    assert find_signals(frames, tools, spec, Timeframe.M5, TINY, news=news) == one
