"""What people type after /sweep, /walkforward and /batch, and what they get for it."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.research import Criterion, Parameter
from pipeline.research_commands import (
    parse_batch,
    parse_sweep,
    parse_walkforward,
)

ALL = (Timeframe.M1, Timeframe.M5, Timeframe.M15)
KNOWN = KnownWords(
    setups=(
        KnownSetup("Frank_raid_v1", Timeframe.M1, ALL, ("GER40", "EURUSD")),
        KnownSetup("Asia_sweep_engulf_v1", Timeframe.M5, ALL[1:], ("GER40", "EURUSD")),
    ),
    symbols=("EURUSD", "GER40"),
    aliases={"DAX": "GER40"},
    held={"GER40": (date(2025, 1, 1), date(2025, 12, 31))},
)
TODAY = date(2026, 11, 3)


def sweep(text):
    return parse_sweep(text, KNOWN, TODAY)


def batch(text):
    return parse_batch(text, KNOWN, TODAY)


def test_words_in_any_order_as_phones_send_them():
    wanted = sweep(
        "/sweep Frank_raid_v1 GER40 M5 2025 min_gap_atr=0.1..0.5/0.1 rr=1|2|3 spread=1.5"
    )
    assert wanted.parameters == (
        Parameter(name="min_gap_atr", values="0.1..0.5/0.1"), Parameter(name="rr", values="1|2|3"),
    )  # fmt: skip
    assert (wanted.options.spread, wanted.by, wanted.min_trades) == (1.5, Criterion.T, 20)
    assert (wanted.start, wanted.end) == (date(2025, 1, 1), date(2025, 12, 31))
    for text in (
        "spread=1.5 —min-gap-atr=0.1…0.5/0.1 2025 dax frankraidv1 rr = 1 | 2 | 3 5m",
        "/sweep@scout_bot M5 min_gap_atr=0.1 .. 0.5 / 0.1 rr_target=1|2|3 GER40 2025 Frank_raid_v1 spread=1,5",
    ):
        assert sweep(text) == wanted, text


def test_how_variants_are_compared_and_cut_into_windows():
    text = "Frank_raid_v1 GER40 2025 rr=1|2 by=total min_trades=5"
    assert (sweep(text).by, sweep(text).min_trades) == (Criterion.TOTAL, 5)
    walk = parse_walkforward(f"/walkforward {text} in=4mo out=4w", KNOWN, TODAY)
    assert (walk.inside, walk.outside, walk.by) == (120, 28, Criterion.TOTAL)
    # Outside a walk-forward these are names of parameters like any other.
    assert sweep(f"{text} in=3").parameters[-1] == Parameter(name="in", values="3")


@pytest.mark.parametrize(
    ("text", "field", "says", "corrected"),
    [
        ("Frank_raid_v1 GER40 2025", "parameter", "Which parameters", "/sweep Frank_raid_v1 GER40 2025 min_gap_atr=0.05..0.3/0.05"),
        ("Frank_raid_v2 GER40 2025 rr=1|2", "setup_id", "did you mean Frank_raid_v1", "/sweep Frank_raid_v1 GER40 2025 rr=1|2"),
        ("Frank_raid_v1 2025 rr=1|2 by=total", "symbol", "Which symbol", "/sweep Frank_raid_v1 GER40 2025 rr=1|2 by=total"),
        ("Frank_raid_v1 GER40 2025 rr=", "parameter", "NAME=VALUES", ""),
        ("Frank_raid_v1 GER40 2025 rr=1|2 by=luck", "by", "by t (mean R", ""),
        ("Frank_raid_v1 GER40 2025 rr=1|2 min_trades=one", "min_trades", "whole number", ""),
        ("Frank_raid_v1 GER40 2025 rr=1|2 max_trades=5", "max_trades", "leave it out", ""),
        ("Frank_raid_v1 GER40 2025 rr=1|2 dry_run", "dry_run", "single tests", ""),
    ],
)  # fmt: skip
def test_what_can_not_be_says_why_and_keeps_the_rest(text, field, says, corrected):
    with pytest.raises(BadRequestError) as refused:
        sweep(text)
    assert refused.value.field == field
    assert says in refused.value.user_text
    assert refused.value.corrected == corrected


def test_a_window_is_a_length():
    with pytest.raises(BadRequestError, match="in=long: a length is like 120d"):
        parse_walkforward("Frank_raid_v1 GER40 2025 rr=1|2 in=long", KNOWN, TODAY)


def test_a_batch_takes_several_of_each_and_all_by_default():
    asked = batch("/batch Frank_raid_v1,Asia_sweep_engulf_v1 GER40, EURUSD M5 2024 2025 spread=2")
    assert asked.setups == ("Frank_raid_v1", "Asia_sweep_engulf_v1")
    assert asked.symbols == ("GER40", "EURUSD")
    assert asked.timeframes == (Timeframe.M5,)
    assert [p.start.year for p in asked.periods] == [2024, 2025]
    assert asked.options.spread == 2
    everything = batch("/batch all 2025")
    assert everything.setups == ("Frank_raid_v1", "Asia_sweep_engulf_v1")
    assert (everything.symbols, everything.timeframes) == (("GER40",), ())


@pytest.mark.parametrize(("by", "parts"), [("month", 12), ("quarters", 4), ("year", 1)])
def test_periods_are_cut_without_gap(by, parts):
    periods = batch(f"GER40 2025 by={by}").periods
    assert len(periods) == parts
    assert (periods[0].start, periods[-1].end) == (date(2025, 1, 1), date(2025, 12, 31))


@settings(deadline=None)
@given(
    st.dates(date(2020, 1, 1), date(2025, 12, 31)),
    st.integers(0, 900),
    st.sampled_from(["month", "quarter", "year"]),
)
def test_any_cut_covers_each_day_once(start, days, by):
    end = date.fromordinal(start.toordinal() + days)
    periods = batch(f"GER40 {start}..{end} by={by}").periods
    assert (periods[0].start, periods[-1].end) == (start, end)
    days_of = [d for p in periods for d in range(p.start.toordinal(), p.end.toordinal() + 1)]
    assert days_of == list(range(start.toordinal(), end.toordinal() + 1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Frank_raid_v1 GER40", "Which periods"),
        ("Frank_raid_v9 GER40 2025", "unknown setup 'Frank_raid_v9'"),
        ("GER40 2025 by=day", "month, quarter or year"),
        ("GER40 2025 dry_run", "single tests"),
        ("GER40 1980..2025 by=month", "at most 500"),
    ],
)
def test_a_batch_that_can_not_be(text, says):
    with pytest.raises(BadRequestError, match=says):
        batch(text)
