"""One trading day of a setup, gate by gate."""

from collections.abc import Iterator
from datetime import date, datetime

from pipeline.domain.market import Side
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.setups.cases import Case, number
from pipeline.setups.confluences import judged
from pipeline.setups.engine import fired_trace, signal_of
from pipeline.setups.model import Step
from pipeline.setups.steps import is_decided_at_once, limit_value, may_still_happen, step_span
from pipeline.setups.tape import Tape, utc_from_micros
from pipeline.setups.why.misses import limit_fact, price_shown, step_misses
from pipeline.setups.why.model import CaseWhy, DayWhy, Gate, GateState, Miss
from pipeline.setups.why.relaxing import FAR_SCALES, ROUNDS, Ground, Trial, between, trials
from pipeline.setups.why.tickets import ticket_misses
from pipeline.setups.why.walk import Lost, Walked, path_of, walk

TICKET = "signal"
_MOST_MISSES = 4


def explain_day(
    ground: Ground, day: date, *, rr_target: float | None = None, quality: float = 1.0
) -> DayWhy:
    """Explain a trading day (a date in the setup's zone).

    Parameters
    ----------
    ground
        Bars with the warm-up before the day; what they hold after it does not matter.
    rr_target, quality
        As in `find_signals`, whose signals of the day are exactly the complete cases here.

    Notes
    -----
    The cases are sorted by how far they got. Near misses are given for the gate a case failed
    at, for words of the step and for the parameters of its own tools, each changed alone.
    """
    tape, spec = ground.tape(), ground.spec
    walked = walk(spec, tape, (day, day), rr_target)
    cases = [_complete(case, plan, ground, tape, quality) for case, plan in walked.signals]
    cases += [_lost(lost, ground, tape, rr_target) for lost in walked.lost]
    if not cases:
        cases = [_nothing(day, ground, tape)]
    cases.sort(key=lambda c: (not c.complete, -c.reached, -c.side))
    return DayWhy(
        setup_id=spec.setup_id,
        rule_version=spec.rule_version,
        symbol=ground.instrument.symbol,
        timeframe=ground.trigger.value,
        day=day,
        cases=tuple(cases),
    )


def _complete(case: Case, plan: Plan, ground: Ground, tape: Tape, quality: float) -> CaseWhy:
    signal = signal_of(case, plan, ground.spec, tape, ground.instrument, quality)
    gates = [_held(n, case, ground, tape) for n in range(len(ground.spec.steps))]
    risk = abs(plan.entry_price - plan.sl_price)
    ticket = (
        f"{plan.entry_type} {price_shown(plan.entry_price, tape)}, "
        f"stop {price_shown(plan.sl_price, tape)} (R {price_shown(risk, tape)}), "
        f"target {price_shown(plan.targets[-1].price, tape)}"
    )
    facts = (ticket, *_confluence_facts(case, ground, tape))
    gates.append(Gate(TICKET, "Signal", "held", plan.known_at, facts))
    return CaseWhy(case.side, tuple(gates), signal, plan)


def _lost(lost: Lost, ground: Ground, tape: Tape, rr_target: float | None) -> CaseWhy:
    spec = ground.spec
    held = [] if lost.case is None else [_held(n, lost.case, ground, tape) for n in range(lost.at)]
    title = spec.steps[lost.at].title if lost.at < len(spec.steps) else "Signal"
    name = spec.steps[lost.at].name if lost.at < len(spec.steps) else TICKET
    at = _decided(lost, ground, tape)
    misses: tuple[Miss, ...] = ()
    facts: tuple[str, ...] = ()
    if lost.at == len(spec.steps):
        misses = ticket_misses(lost, spec, tape)
    else:
        misses = step_misses(lost, spec, tape)
        if lost.fired_there and lost.case is not None:
            facts = _facts(spec.steps[lost.at], lost.case, tape)
    if lost.at < len(spec.steps) and not lost.fired_there and at is not None:
        misses = (*misses, *tool_misses(lost, ground, rr_target))
    state: GateState = "failed" if at is not None else "open"
    failed = Gate(name, title, state, at, facts, lost.reason if at else "", misses[:_MOST_MISSES])
    rest = [Gate(s.name, s.title, "waiting") for s in spec.steps[lost.at + 1 :]]
    if lost.at < len(spec.steps):
        rest.append(Gate(TICKET, "Signal", "waiting"))
    return CaseWhy(lost.side, (*held, failed, *rest), _partial(lost, ground, tape))


def _nothing(day: date, ground: Ground, tape: Tape) -> CaseWhy:
    """Return the case of a day on which the first step never happened."""
    spec = ground.spec
    first, last = tape.day_span(day)
    bars = max(last - first + 1, 0)
    reason = f"no {spec.steps[0].title}" if bars else "no bars are held of that day"
    lost = Lost(day, 0, reason)
    misses = tool_misses(lost, ground, None) if bars else ()
    at = utc_from_micros(tape.closed[last]) if bars else None
    gate = Gate(
        spec.steps[0].name, spec.steps[0].title, "failed" if bars else "open", at,
        (), reason, misses[:_MOST_MISSES],
    )  # fmt: skip
    rest = [Gate(s.name, s.title, "waiting") for s in spec.steps[1:]]
    return CaseWhy(0, (gate, *rest, Gate(TICKET, "Signal", "waiting")))


def _held(n: int, case: Case, ground: Ground, tape: Tape) -> Gate:
    step = ground.spec.steps[n]
    fired = case.fired[step.name]
    known = utc_from_micros(tape.closed[fired.bar])
    upto = _as_of(case, ground, n)
    return Gate(step.name, step.title, "held", known, _facts(step, upto, tape))


def _as_of(case: Case, ground: Ground, n: int) -> Case:
    """Return a case as it stood when its step `n` had just fired."""
    fired = {s.name: case.fired[s.name] for s in ground.spec.steps[: n + 1]}
    side = next((f.side for f in fired.values() if f.side), 0)
    return Case(case.day, side, max(f.bar for f in fired.values()), fired)


def _facts(step: Step, case: Case, tape: Tape) -> tuple[str, ...]:
    """Return a step's numbers: prices, bounded values, bars since the step before."""
    fired = case.fired[step.name]
    low, high = (price_shown(price, tape) for price in (fired.low, fired.high))
    found = [low if low == high else f"{low} – {high}"]
    found += [limit_fact(limit, limit_value(limit, case, tape)) for limit in step.limits]
    if step.max_bars is not None and len(case.fired) > 1:
        names = list(case.fired)
        since = step.after or names[names.index(step.name) - 1]
        away = fired.bar - case.fired[since].bar
        found.append(f"{away} bars after the {since} (max {step.max_bars})")
    return tuple(found)


def _confluence_facts(case: Case, ground: Ground, tape: Tape) -> Iterator[str]:
    for rule in ground.spec.confluences:
        found = judged(rule, case, tape)
        note = f" ({found.note})" if found.note else ""
        yield f"{'+' if found.met else '−'} {rule.name}{note}"


def _decided(lost: Lost, ground: Ground, tape: Tape) -> datetime | None:
    """Return the close at which a case could no longer go on; None: the bars end before."""
    steps = ground.spec.steps
    if lost.ended is not None:
        return utc_from_micros(tape.closed[lost.ended.bar])
    case = lost.case
    if case is None:
        return None
    if lost.fired_there or lost.at >= len(steps) or is_decided_at_once(steps[lost.at]):
        return utc_from_micros(tape.closed[case.bar])
    step = steps[lost.at]
    if lost.reason in step.unless.values():
        return _ended_at(lost, ground, tape)
    before = steps[lost.at - 1].name
    first, last = step_span(step, before, case, tape)
    last = max(first, last)
    if last >= len(tape.closed) - 1 and may_still_happen(step, before, case, tape):
        return None
    return utc_from_micros(tape.closed[min(last, len(tape.closed) - 1)])


def _ended_at(lost: Lost, ground: Ground, tape: Tape) -> datetime | None:
    step, case = ground.spec.steps[lost.at], lost.case
    if case is None:
        return None
    words = tuple(word for word, why in step.unless.items() if why == lost.reason)
    tool = step.matches[0].tool or ""
    first, last = case.bar, tape.day_span(case.day)[1]
    if tool == "price" or tool not in tape.events:
        return utc_from_micros(tape.closed[case.bar])
    rows = tape.events[tool].between(words, None, first, last)
    bars = tape.events[tool].bar[rows]
    return utc_from_micros(tape.closed[int(bars[0])]) if len(bars) else None


def _partial(lost: Lost, ground: Ground, tape: Tape) -> Signal | None:
    """Return the trace of what fired, in the shape of a signal that never was."""
    case = lost.case
    if case is None:
        return None
    price = number("close", case, tape)
    return Signal(
        signal_id="",
        symbol=ground.instrument.symbol,
        tf=ground.trigger,
        side=Side.SHORT if case.side < 0 else Side.LONG,
        entry_price=price,
        sl_price=price,
        tp_price=price,
        confidence=0.0,
        setup_id=ground.spec.setup_id,
        rule_version=ground.spec.rule_version,
        known_at=utc_from_micros(tape.closed[case.bar]),
        day=case.day.isoformat(),
        trace=tuple(fired_trace(case, ground.spec, tape)),
    )


def tool_misses(lost: Lost, ground: Ground, rr_target: float | None) -> tuple[Miss, ...]:
    """Return which parameters of the step's tools, changed alone, would have let a case pass."""
    found = []
    for ladder in trials(ground.spec, lost.at, FAR_SCALES):
        passing = _first_passing(ladder, lost, ground, rr_target)
        if passing is not None:
            found.append(passing.miss)
    return tuple(found)


def _first_passing(
    ladder: list[Trial], lost: Lost, ground: Ground, rr_target: float | None
) -> Trial | None:
    """Return the nearest trial that lets the case pass, found by halving between two of them."""
    below: Trial | None = None
    for trial in ladder:
        if not passes(lost, trial, ground, rr_target):
            below = trial
            continue
        high = trial
        for _ in range(ROUNDS):
            middle = between(below, high)
            if middle is None:
                break
            if passes(lost, middle, ground, rr_target):
                high = middle
            else:
                below = middle
        return high
    return None


def passes(lost: Lost, trial: Trial, ground: Ground, rr_target: float | None) -> bool:
    """Return whether a lost case passes the step it fell at with a trial, all before it as was."""
    tape = ground.tape_with(trial.spec, trial.tool)
    walked = walk(trial.spec, tape, (lost.day, lost.day), rr_target)
    return key_of(lost, ground) in passed_keys(walked, lost.at, ground)


def key_of(lost: Lost, ground: Ground) -> tuple[date, tuple[int, ...], int]:
    """Return what tells a case apart before the step it fell at: day, bars so far, side."""
    return lost.day, lost.path(ground.spec), lost.side


def passed_keys(walked: Walked, at: int, ground: Ground) -> set[tuple[date, tuple[int, ...], int]]:
    """Return the keys of all cases that got past step `at`, for their side and for none."""
    cases = [case for case, _ in walked.signals]
    cases += [x.case for x in walked.lost if x.at > at and x.case is not None]
    spec = ground.spec
    return {(c.day, path_of(c, spec, at), side) for c in cases for side in (c.side, 0)}
