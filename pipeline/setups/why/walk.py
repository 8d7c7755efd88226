"""The engine's walk with every case kept: those that fell away with their reason, the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pipeline.domain.trade import Plan
from pipeline.setups.cases import Case, Fired, Tally
from pipeline.setups.engine import tickets
from pipeline.setups.model import SetupSpec, Step
from pipeline.setups.steps import advance, first_cases, in_limits, unless_of_first
from pipeline.setups.tape import Tape

Days = tuple[date, date]


@dataclass(frozen=True)
class Lost:
    """A case that fell away at step `at` (one past the last: at its ticket).

    `case` is as it stood before; with `fired_there` it has the step's event as well, whose
    limits it broke. `ended` is the event of a first step that forbids the day.
    """

    day: date
    at: int
    reason: str
    case: Case | None = None
    fired_there: bool = False
    ended: Fired | None = None

    @property
    def side(self) -> int:
        """Its side, 0 if none was known."""
        return 0 if self.case is None else self.case.side

    def path(self, spec: SetupSpec) -> tuple[int, ...]:
        """Return the bars of the steps that had held."""
        if self.case is None:
            return ()
        return path_of(self.case, spec, self.at)


def path_of(case: Case, spec: SetupSpec, steps: int) -> tuple[int, ...]:
    """Return the bars of a case's first steps."""
    return tuple(case.fired[step.name].bar for step in spec.steps[:steps])


@dataclass(frozen=True)
class Walked:
    """All cases of some days: the lost ones, and those that became signals."""

    lost: tuple[Lost, ...]
    signals: tuple[tuple[Case, Plan], ...]


def walk(spec: SetupSpec, tape: Tape, days: Days, rr_target: float | None = None) -> Walked:
    """Walk all cases of the days (first and last included); the engine's own rules decide."""
    lost = [Lost(day, 0, why, ended=fired) for day, fired, why in _forbidden(spec, tape, days)]
    cases: list[Case] = []
    for case in begun(spec, tape, days):
        why = _broken_limit(spec.steps[0], case, tape)
        if why:
            lost.append(Lost(case.day, 0, why, case, fired_there=True))
        else:
            cases.append(case)
    for at in range(1, len(spec.steps)):
        cases = list(_further(cases, at, spec, tape, lost))
    signals = list(_ticketed(cases, spec, tape, rr_target, lost))
    return Walked(tuple(lost), tuple(signals))


def begun(spec: SetupSpec, tape: Tape, days: Days) -> list[Case]:
    """Return the cases that the first step's events open, its limits not yet asked."""
    free = spec.steps[0].model_copy(update={"limits": (), "unless": {}})
    opened = spec.model_copy(update={"steps": (free, *spec.steps[1:])})
    found = first_cases(opened, tape, Tally("", ""), days[0])
    return [case for case in found if case.day <= days[1]]


def taken(step: Step, before: str, case: Case, tape: Tape) -> tuple[list[Case], str]:
    """Return the cases that a step makes of one, its limits not yet asked; or why none."""
    tally = Tally("", "")
    free = step.model_copy(update={"limits": ()})
    further = advance(free, before, [case], tape, tally)
    return further, next(iter(tally.lost), "")


def _forbidden(spec: SetupSpec, tape: Tape, days: Days) -> Iterator[tuple[date, Fired, str]]:
    for day, fired, why in unless_of_first(spec.steps[0], tape):
        if days[0] <= day <= days[1]:
            yield day, fired, why


def _broken_limit(step: Step, case: Case, tape: Tape) -> str:
    tally = Tally("", "")
    return "" if in_limits(step, case, tape, tally) else next(iter(tally.lost))


def _further(
    cases: list[Case], at: int, spec: SetupSpec, tape: Tape, lost: list[Lost]
) -> Iterator[Case]:
    step, before = spec.steps[at], spec.steps[at - 1].name
    for case in cases:
        further, why = taken(step, before, case, tape)
        if not further:
            lost.append(Lost(case.day, at, why, case))
        for ahead in further:
            broken = _broken_limit(step, ahead, tape)
            if broken:
                lost.append(Lost(case.day, at, broken, ahead, fired_there=True))
            else:
                yield ahead


def _ticketed(
    cases: list[Case], spec: SetupSpec, tape: Tape, rr_target: float | None, lost: list[Lost]
) -> Iterator[tuple[Case, Plan]]:
    """Yield the cases that become signals; a day's earlier ones decide what is left for later."""
    by_day: dict[date, list[Case]] = {}
    for case in cases:
        by_day.setdefault(case.day, []).append(case)
    for day, of_day in by_day.items():
        ordered = sorted(of_day, key=lambda c: (c.bar, -c.side))
        kept = 0
        for n, case in enumerate(ordered, start=1):
            tally = Tally("", "")
            made = tickets(ordered[:n], spec, tape, tally, rr_target)
            if len(made) > kept:
                kept = len(made)
                yield made[-1]
            else:
                before = Tally("", "")
                tickets(ordered[: n - 1], spec, tape, before, rr_target)
                why = next(iter(tally.lost - before.lost), "no order")
                lost.append(Lost(day, len(spec.steps), why, case))
