"""How often the steps of a setup happen, and which of them are starved or flood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.domain.signal import FunnelStep
from pipeline.setups.model import Match, SetupSpec
from pipeline.setups.tape import Tape

STARVED = 1 / 20
"""Less than one in twenty trading days: too few to ever learn anything about."""
FLOOD = 20.0
"""More than so many a trading day: what always happens says nothing."""


@dataclass(frozen=True)
class StepRate:
    """One step's counts over some trading days.

    `seen` are its tool's events of the words it asks for, wherever they lie; None where it reads
    prices.
    `cases` are those that passed it.
    """

    step: str
    title: str
    seen: int | None
    cases: int
    days: int


def step_rates(
    spec: SetupSpec, tape: Tape, funnel: Sequence[FunnelStep], since: date
) -> tuple[StepRate, ...]:
    """Return the counts of each step and, last, of the signal, from a day on."""
    first = tape.day_span(since)[0]
    rates = []
    for step, reached in zip(spec.steps, funnel, strict=False):
        counts = [_seen(match, tape, first) for match in step.matches]
        told = [count for count in counts if count is not None]
        seen = sum(told) if len(told) == len(counts) else None
        rates.append(StepRate(step.name, step.title, seen, reached.cases, reached.days))
    end = funnel[-1]
    return (*rates, StepRate(end.step, end.title, None, end.cases, end.days))


def _seen(match: Match, tape: Tape, first: int) -> int | None:
    events = tape.events.get(match.tool or "")
    return None if events is None else int((events.bar[events.rows(match.event)] >= first).sum())


def rate_warnings(rates: Sequence[StepRate], days: int) -> tuple[str, ...]:
    """Say which step is starved (the first: those after it starve of it) and which ones flood."""
    if days == 0:
        return ("There is no trading day to look at.",)
    found = []
    starved = next((r for r in rates if r.cases < STARVED * days), None)
    if starved is not None:
        found.append(
            f"'{starved.title}' is starved: {starved.cases} in {days} trading days; "
            "less than one in 20 days teaches nothing."
        )
    found += [
        f"'{rate.title}' floods: {rate.cases / days:.0f} a day; "
        "more than 20 a day tells nothing apart."
        for rate in rates
        if rate.cases > FLOOD * days
    ]
    return tuple(found)
