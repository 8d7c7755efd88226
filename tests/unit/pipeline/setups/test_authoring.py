"""A sent setup's text: signed without touching the rest, and counts that starve or flood."""

from datetime import date

import pytest

from pipeline.domain.errors import SetupError
from pipeline.domain.market import Timeframe
from pipeline.setups.authoring import free_file, signed
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.rates import StepRate, rate_warnings, step_rates
from pipeline.setups.rules import parse_setup
from pipeline.setups.tape import tape_of
from pipeline.setups.versions import shelf_of
from tests.kit.setups import TEXTS
from tests.unit.pipeline.setups.test_engine import SWEEP, SWEPT, TINY, day_of

MINE = SWEEP.replace("setup_id: Asia_sweep_engulf_v1", "setup_id: Mine")


@pytest.mark.parametrize(
    "author", ["Ada", 'A "quoted" : name # no comment', "Ünal Ş. 🙂", "two\nlines", "x" * 200]
)
@pytest.mark.parametrize("text", [
    MINE,
    MINE.replace("author: Setup Scout", "author: >\n  Some\n  body"),
    MINE.replace("author: Setup Scout", 'author: "x"   # who'),
])  # fmt: skip
def test_the_author_is_set_and_nothing_else(text, author):
    before = parse_setup(text, "x")
    after = parse_setup(signed(text, "x", author=author, reason="because"), "x")
    assert after.author == " ".join(author.split())[:80]
    assert after.reason == "because"
    same = {"author": "", "reason": ""}
    assert after.model_copy(update=same) == before.model_copy(update=same)


def test_other_lines_stay_as_they_are_and_the_files_reason_is_kept():
    found = signed(MINE, "x", author="Ada")
    assert parse_setup(found, "x").reason == parse_setup(MINE, "x").reason
    old, new = MINE.splitlines(), found.splitlines()
    assert [a for a in old if a not in new] == ["author: Setup Scout"] or len(old) == len(new)
    assert [b for b in new if b not in old and not b.startswith("reason")] == ['author: "Ada"']


def test_a_text_that_is_no_setup_is_refused():
    with pytest.raises(SetupError, match="x:1"):
        signed("hello", "x", author="Ada")
    flow = "{a: 1}"
    with pytest.raises(SetupError):
        signed(flow, "x", author="Ada")


def test_a_file_name_that_is_free():
    spec = parse_setup(MINE, "x")
    nothing = shelf_of(TEXTS, {})
    assert free_file(spec, nothing, frozenset()) == "Mine.yaml"
    assert free_file(spec, nothing, frozenset({"Mine.yaml"})) == "Mine_2.yaml"
    assert free_file(spec, shelf_of(TEXTS, {"old.yml": MINE}), frozenset({"old.yml"})) == "old.yml"
    builtin = parse_setup(SWEEP, "x")
    with pytest.raises(SetupError, match="give yours an id of its own, such as My_Asia"):
        free_file(builtin, nothing, frozenset())


def test_starved_and_flooding_rules_are_told():
    def rate(cases, name="a"):
        return StepRate(name, name, 5, cases, 1)

    assert rate_warnings([rate(2), rate(2)], 40) == ()
    (one,) = rate_warnings([rate(40), rate(1, "b"), rate(0, "c")], 40)
    assert one.startswith("'b' is starved: 1 in 40 trading days")
    assert rate_warnings([rate(800)], 40) == ()
    (flood,) = rate_warnings([rate(801, "b")], 40)
    assert flood.startswith("'b' floods: 20 a day")
    assert rate_warnings([rate(1)], 0) == ("There is no trading day to look at.",)


def test_rates_count_the_tools_events_and_the_cases():
    spec, bars = parse_setup(SWEEP, "x"), day_of(SWEPT, spread=0.02)
    frames = frames_for(bars, Timeframe.M5, spec)
    tools = detect(frames, spec, Timeframe.M5, TINY)
    found = find_signals(frames, tools, spec, Timeframe.M5, TINY)
    tape = tape_of(frames, tools, spec, Timeframe.M5, TINY, None)
    rates = step_rates(spec, tape, found.funnel, date(2025, 1, 15))
    assert [r.step for r in rates] == ["range", "sweep", "engulf", "signal"]
    assert (rates[0].seen, rates[-1].seen) == (1, None)
    engulf = tools["engulf"]
    first = tape.day_span(date(2025, 1, 15))[0]
    assert rates[2].seen == int((engulf.bar >= first).sum())
    assert [r.cases for r in rates] == [f.cases for f in found.funnel]
