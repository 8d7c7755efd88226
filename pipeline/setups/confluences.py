"""How a case's confluences are judged: a number, a price, a tool's events, the news."""

import numpy as np

from pipeline.domain.signal import Confluence
from pipeline.setups.cases import Case, number, where_holds
from pipeline.setups.conditions import ConfluenceRule, NewsFree
from pipeline.setups.model import SetupSpec
from pipeline.setups.news import NO_CALENDAR
from pipeline.setups.tape import Tape

TRENDS = {1: "up", -1: "down", 0: "none"}
_WAYS = {"same": 1, "opposite": -1}


def judged(rule: ConfluenceRule, case: Case, tape: Tape) -> Confluence:
    """Return whether a confluence is met at a case's bar, with the number that says so.

    What can't be known yet (NaN, no calendar for that time) is not met.
    """
    if rule.where is not None:
        met, note = where_holds(rule.where, case, tape), rule.where.note
    elif rule.news_free is not None:
        met, note = _free_of_news(rule.news_free, case, tape)
    elif rule.tool is not None:
        met, note = _by_events(rule, case, tape)
    else:
        met, note = _in_bounds(rule, case, tape)
    return Confluence(name=rule.name, weight=rule.weight, met=met, note=note)


def refusal(case: Case, spec: SetupSpec, tape: Tape) -> str:
    """Return which required confluence a case lacks, as the funnel says it; empty: none."""
    for rule in spec.confluences:
        if rule.required:
            found = judged(rule, case, tape)
            if not found.met:
                unknown = f" ({NO_CALENDAR})" if found.note == NO_CALENDAR else ""
                return f"required: {rule.name}{unknown}"
    return ""


def last_side(tool: str, case: Case, tape: Tape, words: tuple[str, ...] = ()) -> int:
    """Return the side of a tool's newest event at a case's bar; 0: none, or it has no side."""
    events = tape.events[tool]
    rows = events.between(words, None, 0, case.bar) if words else None
    if rows is None:
        known = int(np.searchsorted(events.bar, case.bar, side="right"))
        return int(events.side[known - 1]) if known else 0
    return int(events.side[rows[-1]]) if len(rows) else 0


def _in_bounds(rule: ConfluenceRule, case: Case, tape: Tape) -> tuple[bool, str]:
    value = number(rule.value or "", case, tape)
    if rule.per is not None:
        value /= float(tape.series[rule.per][case.bar]) or np.nan
    low = -np.inf if rule.min is None else rule.min
    high = np.inf if rule.max is None else rule.max
    return bool(low <= value <= high), f"{value:.2f}"


def _by_events(rule: ConfluenceRule, case: Case, tape: Tape) -> tuple[bool, str]:
    """Judge a state (the newest event's side) or a presence (any event on the side lately)."""
    tool = rule.tool or ""
    if rule.since is None and rule.max_bars is None:
        trend = last_side(tool, case, tape, rule.event)
        wanted = case.side * _WAYS.get(rule.side, 0)
        met = trend == wanted if rule.side != "any" else trend != 0
        return met, TRENDS[trend]
    events = tape.events[tool]
    words = rule.event or events.words
    first = 0 if rule.since is None else case.fired[rule.since].bar
    if rule.max_bars is not None:
        first = max(first, case.bar - rule.max_bars)
    side = None if rule.side == "any" else case.side * _WAYS[rule.side]
    rows = events.between(words, side, first, case.bar)
    if len(rows) == 0:
        return False, "none"
    return True, f"{case.bar - int(events.bar[rows[-1]])} bars ago"


def _free_of_news(rule: NewsFree, case: Case, tape: Tape) -> tuple[bool, str]:
    at = int(tape.closed[case.bar])
    if not tape.news.knows(rule, at):
        return False, NO_CALENDAR
    near = tape.news.nearest(rule, at)
    note = "no such news" if near is None else news_words(*near)
    return tape.news.is_free(rule, at), note


def news_words(minutes: float, title: str) -> str:
    """Return an item and how far it is: `USD CPI in 12 min`."""
    away = abs(minutes)
    far = f"{away:.0f} min" if away < 120 else f"{away / 60:.0f} h"  # noqa: PLR2004 - two hours
    return f"{title} in {far}" if minutes > 0 else f"{title} {far} ago"
