"""Why a period has so few signals: where its cases fell away, and how near they were."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

import numpy as np

from pipeline.domain.signal import FunnelStep
from pipeline.setups.cases import Case
from pipeline.setups.model import SetupSpec
from pipeline.setups.tape import Tape
from pipeline.setups.why.days import TICKET, key_of, passed_keys
from pipeline.setups.why.misses import shown, step_misses
from pipeline.setups.why.model import Miss, NearMisses, PeriodWhy
from pipeline.setups.why.relaxing import Ground, Trial, trials
from pipeline.setups.why.tickets import ticket_misses
from pipeline.setups.why.walk import Days, Lost, Walked, walk

_MOST = 6
_NEAR = 0.5  # of the limit: what is farther off is no near miss
_NEAR_MINUTES, _NEAR_BARS = 30, 10
_STUB = 0.25  # of the usual number of bars


def explain_period(
    ground: Ground, days: Days, *, rr_target: float | None = None, tools: bool = True
) -> PeriodWhy:
    """Explain trading days (first and last included) by their funnel and their near misses.

    Parameters
    ----------
    tools
        False: only what can be read from the events there are; no tool is run again.

    Notes
    -----
    A near miss is a case that passes one gate if one word is changed by at most half of its
    value (half an hour, ten bars); it need not become a signal. Of a tool's parameter the
    nearest of four steps that lets it pass is given.
    """
    tape, spec = ground.tape(), ground.spec
    walked = walk(spec, tape, days, rr_target)
    found: list[tuple[Lost, Miss]] = [
        (lost, miss) for lost in walked.lost for miss in _read(lost, spec, tape) if _is_near(miss)
    ]
    if tools:
        found += list(_by_trials(walked, ground, days, rr_target))
    return PeriodWhy(
        setup_id=spec.setup_id,
        rule_version=spec.rule_version,
        symbol=ground.instrument.symbol,
        timeframe=ground.trigger.value,
        first=days[0],
        last=days[1],
        days=days_with_bars(tape, days),
        signals=len(walked.signals),
        funnel=tuple(funnel_of(walked, spec)),
        misses=tuple(_gathered(found, spec)[:_MOST]),
    )


def funnel_of(walked: Walked, spec: SetupSpec) -> Iterator[FunnelStep]:
    """Yield the funnel of a walk; over whole days it is that of `find_signals`."""
    finished = [case for case, _ in walked.signals]
    names = [(step.name, step.title) for step in spec.steps] + [(TICKET, "Signal")]
    for at, (name, title) in enumerate(names):
        beyond = finished + [x.case for x in walked.lost if x.at > at and x.case is not None]
        reasons: dict[str, int] = defaultdict(int)
        for lost in walked.lost:
            if lost.at == at:
                reasons[lost.reason] += 1
        ordered = dict(sorted(reasons.items(), key=lambda item: -item[1]))
        passed = _distinct(beyond, spec, at)
        yield FunnelStep(
            step=name, title=title, days=len({day for day, *_ in passed}), cases=len(passed),
            lost=ordered,
        )  # fmt: skip


def _distinct(cases: Iterable[Case], spec: SetupSpec, at: int) -> set[tuple[object, ...]]:
    """Return the cases as they stood past step `at`: one may have become several later."""
    names = [step.name for step in spec.steps[: at + 1]]
    return {
        (c.day, *((c.fired[n].bar, c.fired[n].side, c.fired[n].row) for n in names)) for c in cases
    }


def _read(lost: Lost, spec: SetupSpec, tape: Tape) -> tuple[Miss, ...]:
    if lost.at == len(spec.steps):
        return ticket_misses(lost, spec, tape)
    return step_misses(lost, spec, tape)


def _is_near(miss: Miss) -> bool:
    if miss.unit in ("min", "bars"):
        return miss.size <= (_NEAR_MINUTES if miss.unit == "min" else _NEAR_BARS)
    if miss.unit == "price" or miss.limit == 0:
        return False
    return miss.size <= _NEAR * abs(miss.limit)


def _by_trials(
    walked: Walked, ground: Ground, days: Days, rr_target: float | None
) -> Iterator[tuple[Lost, Miss]]:
    """Yield a near miss for each lost case and parameter, at the nearest value that passes."""
    for at in range(len(ground.spec.steps)):
        fallen = {key_of(x, ground): x for x in walked.lost if x.at == at and not x.fired_there}
        if not fallen:
            continue
        for ladder in trials(ground.spec, at):
            yield from _on_ladder(ladder, dict(fallen), at, ground, days, rr_target)


def _on_ladder(
    ladder: list[Trial],
    fallen: dict[tuple[date, tuple[int, ...], int], Lost],
    at: int,
    ground: Ground,
    days: Days,
    rr_target: float | None,
) -> Iterator[tuple[Lost, Miss]]:
    """Try the farthest value first: what it doesn't let pass, no nearer one will."""
    reach: list[tuple[Trial, set[tuple[date, tuple[int, ...], int]]]] = []
    for trial in reversed(ladder):
        tape = ground.tape_with(trial.spec, trial.tool)
        now = walk(trial.spec, tape, days, rr_target)
        passed = passed_keys(now, at, ground) & fallen.keys()
        if not passed:
            break
        reach.append((trial, passed))
    for trial, passed in reversed(reach):
        for key in sorted(passed & fallen.keys(), key=str):
            yield fallen.pop(key), trial.miss


def _gathered(found: list[tuple[Lost, Miss]], spec: SetupSpec) -> list[NearMisses]:
    """Return the near misses by gate and word, the commonest first."""
    groups: dict[tuple[int, str, bool], list[Miss]] = defaultdict(list)
    for lost, miss in found:
        groups[lost.at, miss.knob, miss.needed > miss.limit].append(miss)
    made = []
    for (at, knob, above), misses in groups.items():
        name = spec.steps[at].name if at < len(spec.steps) else TICKET
        title = spec.steps[at].title if at < len(spec.steps) else "Signal"
        sizes = sorted(miss.size for miss in misses)
        made.append(
            NearMisses(
                step=name, title=title, knob=knob, limit=misses[0].limit, unit=misses[0].unit,
                count=len(misses), smallest=sizes[0], largest=sizes[-1],
                words=_words(misses, above=above),
            )
        )  # fmt: skip
    return sorted(made, key=lambda n: (-n.count, n.smallest))


def _words(misses: list[Miss], *, above: bool) -> str:
    sizes = sorted({miss.size for miss in misses})
    low, high = shown(sizes[0]), shown(sizes[-1])
    span = low if low == high else f"{low}–{high}"
    first = misses[0]
    word = first.label or first.knob.split(".", 1)[-1]
    if first.unit == "min" and word.endswith(("start", "end")):
        return f"{span} min too {'late' if above else 'early'}"
    if first.unit == "bars":
        return f"{span} bars beyond {word} {shown(first.limit)}"
    needed = sorted({miss.needed for miss in misses})
    to = shown(needed[0]) if len(needed) == 1 else f"{shown(needed[0])}–{shown(needed[-1])}"
    return f"{word} {to}, limit {shown(first.limit)}"


def days_with_bars(tape: Tape, days: Days) -> int:
    """Return the trading days: a Sunday's first hours are none, a half holiday is one."""
    counts = []
    for ordinal in range(days[0].toordinal(), days[1].toordinal() + 1):
        first, last = tape.day_span(date.fromordinal(ordinal))
        counts.append(max(last - first + 1, 0))
    held = [count for count in counts if count]
    usual = float(np.median(held)) if held else 0.0
    return sum(count > _STUB * usual for count in held)
