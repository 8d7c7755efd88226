"""An explanation as lines of text, for the chat and the command line."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flows.why import Explained
from pipeline.setups.why.model import CaseWhy, DayWhy, Gate, PeriodWhy

_MARKS = {"held": "✓", "failed": "✗", "open": "…", "waiting": "·"}
_SIDES = {1: "LONG", -1: "SHORT", 0: "No side yet"}
_OTHERS = 4
_REASONS = 3
NO_MISS = "no single change of up to eight times the value would have let it pass"


def headline(explained: Explained) -> str:
    """Return what was asked, in one line."""
    found, request = explained.found, explained.request
    head = f"{found.symbol} {found.timeframe} {found.setup_id} v{found.rule_version}"
    if request.is_period:
        return f"{head}, {request.first} – {request.last}"
    zone = ZoneInfo(explained.zone)
    if request.moment is None:
        return f"{head}, {request.first}"
    city = explained.zone.rpartition("/")[2].replace("_", " ")
    return f"{head}, as of {request.moment.astimezone(zone):%Y-%m-%d %H:%M} {city}"


def lines_of(explained: Explained) -> list[str]:
    """Return an answer in full, headline aside."""
    found = explained.found
    body = _day(found, explained) if isinstance(found, DayWhy) else _period(found)
    live = ["", *explained.live] if explained.live else []
    return [*body, *live, *(f"! {note}" for note in explained.notes)]


def short_line(explained: Explained) -> str:
    """Return an answer in one line."""
    found = explained.found
    head = f"{found.setup_id} {found.timeframe}"
    if not isinstance(found, DayWhy):
        signals, days = _count(found.signals, "signal"), _count(found.days, "trading day")
        return f"{head}: {signals} on {days}; {_worst(found)}"
    live = f" · {explained.live[-1]}" if explained.live else ""
    return f"{head}: {_case_line(found.cases[0], explained.zone)}{live}"


def _day(found: DayWhy, explained: Explained) -> list[str]:
    first, *others = found.cases
    lines = [_verdict(first), *_gates(first, explained.zone)]
    if others:
        lines += ["", f"Other cases of the day ({len(others)}):"]
        lines += [f"  {_case_line(case, explained.zone)}" for case in others[:_OTHERS]]
    return [*lines, f"Clock times: {explained.zone}"]


def _verdict(case: CaseWhy) -> str:
    if case.complete:
        return f"{_SIDES[case.side]}: a signal"
    is_open = any(gate.state == "open" for gate in case.gates)
    return f"{_SIDES[case.side]}: {'no signal yet' if is_open else 'no signal'}"


def _gates(case: CaseWhy, zone: str) -> list[str]:
    lines = []
    for n, gate in enumerate(case.gates, start=1):
        lines.append(f"{_MARKS[gate.state]} {n}. {_gate_words(gate, zone)}")
        if gate.state == "failed":
            lines += [f"    → {miss.words}" for miss in gate.misses]
            lines += [] if gate.misses or gate.facts else [f"    → {NO_MISS}"]
    return lines


def _gate_words(gate: Gate, zone: str) -> str:
    at = "" if gate.at is None else f"{_clock(gate.at, zone)} "
    told = [gate.reason, *gate.facts] if gate.state == "failed" else list(gate.facts)
    more = ", ".join(part for part in told if part)
    if gate.state == "open":
        more = gate.reason or "not yet"
    return f"{at}{gate.title}" + (f": {more}" if more else "")


def _case_line(case: CaseWhy, zone: str) -> str:
    side = _SIDES[case.side]
    if case.complete:
        return f"{side}: signal at {_clock(case.gates[-1].at, zone)}"
    gate = next(g for g in case.gates if g.state in ("failed", "open"))
    if gate.state == "open":
        return f"{side}: {gate.reason or f'waits for: {gate.title}'}"
    miss = f" ({gate.misses[0].words})" if gate.misses else ""
    return f"{side}: {_clock(gate.at, zone)} {gate.title}: {gate.reason}{miss}"


def _period(found: PeriodWhy) -> list[str]:
    lines = [f"{_count(found.signals, 'signal')} on {_count(found.days, 'trading day')}"]
    for step in found.funnel:
        lines.append(f"{step.title}: {_count(step.days, 'day')}, {_count(step.cases, 'case')}")
        lost = sorted(step.lost.items(), key=lambda item: -item[1])[:_REASONS]
        lines += [f"    − {n} {why}" for why, n in lost]
    if found.misses:
        lines += ["", "Near misses (one word changed, everything before it as it was):"]
        lines += [f"  {m.count}× {m.title}: {m.words}" for m in found.misses]
        lines.append("A case let through there may still fall at a later gate.")
    return lines


def _worst(found: PeriodWhy) -> str:
    lost = [(n, why) for step in found.funnel for why, n in step.lost.items()]
    if not lost:
        return "nothing fell away"
    count, why = max(lost)
    return f"most fell at: {why} ({count})"


def _clock(moment: datetime | None, zone: str) -> str:
    return "" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def short_lines(answers: Sequence[Explained]) -> list[str]:
    """Return several answers, one line each."""
    notes = dict.fromkeys(note for answer in answers for note in answer.notes)
    return [*(short_line(answer) for answer in answers), *(f"! {note}" for note in notes)]
