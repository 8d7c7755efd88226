"""How a case walks through a setup's steps: which events fit, and why a case falls away."""

from collections.abc import Iterator
from datetime import date

import numpy as np

from pipeline.domain.events import Events
from pipeline.setups.cases import Case, Fired, Tally, fired_at, number, where_holds
from pipeline.setups.model import Limit, Match, SetupSpec, Step
from pipeline.setups.tape import Tape, utc_from_micros


def first_cases(spec: SetupSpec, tape: Tape, tally: Tally, since: date | None) -> list[Case]:
    """Return one case per event of the first step."""
    step, cases = spec.steps[0], []
    for match in step.matches:
        events = tape.events[match.tool or ""]
        for row in _rows_since(since, events, match.event, tape):
            fired = fired_at(events, match.tool or "", int(row))
            day = _day(fired, tape)
            if (since is not None and day < since) or not _begins(step, match, day, fired, tape):
                continue
            case = Case(day, fired.side, fired.bar, {step.name: fired})
            if in_limits(step, case, tape, tally):
                cases.append(case)
    _count_unless(step, tape, tally, since)
    return sorted(cases, key=lambda c: c.bar)


def _begins(step: Step, match: Match, day: date, fired: Fired, tape: Tape) -> bool:
    """Return whether a first event lies in its window and at its prices."""
    if step.window is not None:
        w = step.window
        first, last = tape.window_span(day, w.start, w.end, w.zone)
        if not first <= fired.bar <= last:
            return False
    nothing = Case(day, fired.side, fired.bar, {})
    return all(where_holds(where, nothing, tape, fired) for where in match.where)


def _day(fired: Fired, tape: Tape) -> date:
    """Return the trading day: that of the session's end where there is one, else of the bar."""
    ended = fired.column("end") if fired.has("end") else tape.closed[fired.bar]
    return tape.local_day(int(ended.astype("int64")))


def _count_unless(step: Step, tape: Tape, tally: Tally, since: date | None) -> None:
    for day, _, why in unless_of_first(step, tape, since):
        tally.lost[why] += since is None or day >= since


def _rows_since(
    since: date | None, events: Events, words: tuple[str, ...], tape: Tape
) -> np.ndarray:
    """Return the rows of these events without those that surely belong to earlier days."""
    if since is None:
        return events.rows(words)
    return events.between(words, None, tape.first_closing_on(since), len(tape.closed) - 1)


def unless_of_first(
    step: Step, tape: Tape, since: date | None = None
) -> Iterator[tuple[date, Fired, str]]:
    """Yield the events that end the first step before it began: day, event, why.

    Those of days before `since` may be left out.
    """
    tool = step.matches[0].tool or ""
    for word, why in step.unless.items():
        events = tape.events[tool]
        for row in _rows_since(since, events, (word,), tape):
            fired = fired_at(events, tool, int(row))
            yield _day(fired, tape), fired, why


def advance(step: Step, before: str, cases: list[Case], tape: Tape, tally: Tally) -> list[Case]:
    """Return the cases that pass a step; those that don't are counted with their reason."""
    passed: list[Case] = []
    ends = _ends(step)
    for case in cases:
        first, last = step_span(step, before, case, tape)
        chosen = _chosen(step, case, tape, first, last)
        ended = _ended(ends, case, tape, first, chosen[0].bar if chosen else None)
        if ended or not chosen:
            tally.lost[ended or step.missing or f"no {step.title}"] += 1
            awaits = not ended and last >= len(tape.closed) - 1
            tally.awaiting += awaits and may_still_happen(step, before, case, tape)
            continue
        further = [case.after(step.name, fired) for fired in chosen]
        passed += [c for c in further if in_limits(step, c, tape, tally)]
    return passed


def step_span(step: Step, before: str, case: Case, tape: Tape) -> tuple[int, int]:
    """Return the first and last bar on which the step may happen."""
    since = case.fired[step.after or before].bar
    first, last = tape.day_span(case.day)
    if step.window is not None:
        w = step.window
        first, last = tape.window_span(case.day, w.start, w.end, w.zone)
    if step.max_bars is not None:
        last = min(last, since + step.max_bars)
    return max(first, since + step.min_bars), last


def is_decided_at_once(step: Step) -> bool:
    """Return whether a step only reads states: they hold at the case's bar, or never."""
    return all(match.latest for match in step.matches)


def may_still_happen(step: Step, before: str, case: Case, tape: Tape) -> bool:
    """Return whether the bars end before a step's time does."""
    if is_decided_at_once(step):
        return False
    since = case.fired[step.after or before].bar
    if step.max_bars is not None and since + step.max_bars < len(tape.closed):
        return False
    w = step.window
    ends = tape.day_end(case.day) if w is None else tape.instant(case.day, w.end, w.zone)
    return utc_from_micros(tape.closed[-1]) < ends


def _chosen(step: Step, case: Case, tape: Tape, first: int, last: int) -> list[Fired]:
    """Return the events taken: each, or per side the earliest (`only`: of both sides)."""
    found: list[Fired] = []
    best: dict[int, Fired] = {}
    for match in step.matches:
        for side in _sides(match, case):
            fitting = _fitting(match, case, side, tape, (first, last))
            if step.take == "each":
                found += fitting
                continue
            fired, key = _earliest(fitting), case.side or side or 0
            if fired is not None and (key not in best or fired.bar < best[key].bar):
                best[key] = fired
    taken = sorted((*found, *best.values()), key=lambda f: f.bar)
    return [f for f in taken if step.take != "only" or f.bar == taken[0].bar]


def _earliest(fitting: Iterator[Fired]) -> Fired | None:
    earliest = None
    for fired in fitting:
        if earliest is not None and fired.bar > earliest.bar:
            break
        earliest = fired
    return earliest


def _sides(match: Match, case: Case) -> tuple[int | None, ...]:
    """Return the sides an event may have; None is any of them."""
    if case.side == 0:
        return (1, -1, 0)
    if match.side == "any":
        return (None,)
    return (case.side if match.side == "same" else -case.side,)


def _fitting(
    match: Match, case: Case, side: int | None, tape: Tape, span: tuple[int, int]
) -> Iterator[Fired]:
    """Yield the events that fit, by bar, of one bar the oldest zone first."""
    if match.latest:
        candidates = _newest(match, case, side, tape)
    elif match.tool == "price":
        candidates = _price(match, case, side, tape, span)
    else:
        candidates = _listed(match, case, side, tape, span)
    for fired in candidates:
        if all(where_holds(w, case, tape, fired) for w in match.where):
            yield fired


def _newest(match: Match, case: Case, side: int | None, tape: Tape) -> Iterator[Fired]:
    """Yield the newest of the tool's events at the case's bar, if it is on the wanted side."""
    tool = match.tool or ""
    events = tape.events[tool]
    rows = events.between(match.event, None, 0, case.bar)
    if len(rows) and side in (None, int(events.side[rows[-1]])):
        yield fired_at(events, tool, int(rows[-1]))


def _listed(
    match: Match, case: Case, side: int | None, tape: Tape, span: tuple[int, int]
) -> Iterator[Fired]:
    tool = match.tool or ""
    events = tape.events[tool]
    rows = events.between(match.event, side, *span)
    if match.born is not None and len(rows):
        earliest = case.fired[match.born.after].bar + match.born.bars
        rows = rows[events["formed_bar"][rows] >= earliest]
    for row in rows:
        fired = fired_at(events, tool, int(row))
        if match.of is None or _belongs(fired, case.fired[match.of]):
            yield fired


def _belongs(fired: Fired, earlier: Fired) -> bool:
    """Return whether an event is of the same zone (one tool) or the same day (two tools)."""
    if fired.tool == earlier.tool:
        return bool(fired.column("zone_id") == earlier.column("zone_id"))
    if fired.has("day") and earlier.has("day"):
        return bool(fired.column("day") == earlier.column("day"))
    return True


def _price(
    match: Match, case: Case, side: int | None, tape: Tape, span: tuple[int, int]
) -> Iterator[Fired]:
    """Yield the bars that go beyond the edge of an earlier step's zone."""
    zone, bars = case.fired[match.of or ""], slice(span[0], max(span[1] + 1, span[0]))
    found: list[tuple[int, int, str]] = []
    for way in (1, -1) if side is None else (side,):
        edge, reach = (zone.high, tape.high) if way > 0 else (zone.low, tape.low)
        for event in match.event if way else ():
            probe = tape.close if event == "closes_beyond" else reach
            beyond = np.flatnonzero((probe[bars] - edge) * way > 0)
            found += [(span[0] + int(i), way, event) for i in beyond]
    for bar, way, event in sorted(found):
        edge, other = (zone.high, zone.low) if way > 0 else (zone.low, zone.high)
        start, values = int(tape.opened[bar]), {"level": edge, "opposite": other}
        yield Fired("price", event, bar, way, edge, edge, start, values=values)


def _ends(step: Step) -> list[tuple[Match, str]]:
    """Return the events that end a case, and why they do."""
    plain = {"where": (), "born": None, "latest": False}
    return [
        (step.matches[0].model_copy(update={"event": (word,), **plain}), why)
        for word, why in step.unless.items()
    ]


def _ended(
    ends: list[tuple[Match, str]], case: Case, tape: Tape, first: int, before: int | None
) -> str:
    """Return why the case ended before the step could happen, or nothing."""
    # An end may be known only after the step's window: `expired` is, by its nature.
    last = tape.day_span(case.day)[1]
    found: list[tuple[int, str]] = []
    for match, why in ends:
        for side in _sides(match, case):
            fired = _earliest(_fitting(match, case, side, tape, (first, last)))
            found += [] if fired is None else [(fired.bar, why)]
    bar, why = min(found, default=(last + 1, ""))
    return why if before is None or bar < before else ""


def in_limits(step: Step, case: Case, tape: Tape, tally: Tally) -> bool:
    """Return whether a case keeps a step's limits, and count it or the reason why not."""
    for limit in step.limits:
        value = limit_value(limit, case, tape)
        why = _outside(value, limit.min, limit.max, (limit.too_small, limit.too_large))
        if why:
            tally.lost[why] += 1
            return False
    tally.passed(case)
    return True


def limit_value(limit: Limit, case: Case, tape: Tape) -> float:
    """Return the number that a limit bounds, in its unit; NaN where that doesn't exist yet."""
    value = number(limit.value, case, tape)
    if limit.per is None:
        return value
    unit = float(tape.series[limit.per][case.bar])
    return value / unit if unit > 0 else np.nan


def _outside(value: float, low: float | None, high: float | None, why: tuple[str, str]) -> str:
    if np.isnan(value):
        return "too little history"
    if low is not None and value < low:
        return why[0]
    return why[1] if high is not None and value > high else ""
