"""What was missing at a step, read from the events there are: time, bars, prices, limits."""

from collections.abc import Iterator
from datetime import datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.setups.cases import Case, Fired, number
from pipeline.setups.model import Limit, Match, SetupSpec, Step, Where, Window
from pipeline.setups.steps import limit_value
from pipeline.setups.tape import Tape, utc_from_micros
from pipeline.setups.vocabulary import constant
from pipeline.setups.why.model import Miss
from pipeline.setups.why.walk import Lost, taken


def step_misses(lost: Lost, spec: SetupSpec, tape: Tape) -> tuple[Miss, ...]:
    """Return what would have let a case pass the step it fell at, one word changed at a time.

    The nearest event of each kind counts; the walk before the step stays as it was.
    """
    if lost.case is None or lost.at >= len(spec.steps):
        return ()
    step = spec.steps[lost.at]
    if lost.fired_there:
        return tuple(_limit_misses(step, lost.case, tape))
    if lost.at == 0:
        return ()
    before = spec.steps[lost.at - 1].name
    return tuple(_loosened(step, before, lost.case, spec, tape))


def limit_fact(limit: Limit, value: float) -> str:
    """Return a bounded number beside its bounds: `range.size 3.4 atr_m15 (0.3 to 3)`."""
    low = "" if limit.min is None else f"{limit.min:g}"
    high = "" if limit.max is None else f"{limit.max:g}"
    bounds = (
        f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    )
    return f"{limit_name(limit)} {shown(value)} ({bounds})"


def limit_name(limit: Limit) -> str:
    """Return what a limit measures: `range.size/atr_m15`."""
    return limit.value if limit.per is None else f"{limit.value}/{limit.per}"


def shown(value: float) -> str:
    """Return a number with three figures behind the leading ones, never in powers of ten."""
    if np.isnan(value):
        return "unknown"
    if abs(value) >= 100:  # noqa: PLR2004 - prices and the like keep their digits
        return f"{value:.5f}".rstrip("0").rstrip(".")
    return f"{float(f'{value:.3g}'):.5f}".rstrip("0").rstrip(".")


def price_shown(value: float, tape: Tape) -> str:
    """Return a price in the instrument's digits."""
    digits = len(f"{tape.tick:.8f}".rstrip("0").partition(".")[2])
    return "unknown" if np.isnan(value) else f"{value:.{digits}f}"


def _limit_misses(step: Step, case: Case, tape: Tape) -> Iterator[Miss]:
    for limit in step.limits:
        value = limit_value(limit, case, tape)
        for name, bound, out in (
            ("min", limit.min, limit.min is not None and value < limit.min),
            ("max", limit.max, limit.max is not None and value > limit.max),
        ):
            if out and bound is not None:
                words = f"{limit_name(limit)} {shown(value)}, {name}imum {bound:g}"
                knob = f"{step.name}.limits.{name}"
                yield Miss(knob, value, bound, limit.per or "", words, limit_name(limit))


def _loosened(step: Step, before: str, case: Case, spec: SetupSpec, tape: Tape) -> Iterator[Miss]:
    if step.window is not None:
        wide = step.model_copy(update={"window": None})
        yield from _by_clock(step, wide, step.window, (before, case), spec, tape)
    since = case.fired[step.after or before].bar
    for word, free in (("max_bars", None), ("min_bars", 0)):
        limit = getattr(step, word)
        if limit in (None, 0):
            continue
        further, _ = taken(step.model_copy(update={word: free}), before, case, tape)
        for fired in _earliest(further, step):
            away = fired.bar - since
            words = f"{away} bars after the {step.after or before}, {word} {limit}"
            yield Miss(f"{step.name}.{word}", away, limit, "bars", words)
    yield from _of_matches(step, before, case, tape)


def _by_clock(
    step: Step, wide: Step, window: Window, of: tuple[str, Case], spec: SetupSpec, tape: Tape
) -> Iterator[Miss]:
    before, case = of
    further, _ = taken(wide.model_copy(update={"take": "each"}), before, case, tape)
    zone = window.zone or spec.zone
    start, end = clock_minutes(window.start), clock_minutes(window.end)
    found = []
    for ahead in further:
        fired = ahead.fired[step.name]
        closed = utc_from_micros(tape.closed[fired.bar])
        opened = utc_from_micros(tape.opened[fired.bar])
        if _minutes(closed, zone) > end:
            words = f"came at {_clock(closed, zone)}, window ended {window.end}"
            found.append(
                Miss(f"{step.name}.window.end", _minutes(closed, zone), end, "min", words)
            )
        elif _minutes(opened, zone) < start:
            words = f"came in the bar of {_clock(opened, zone)}, window began {window.start}"
            early = _minutes(opened, zone)
            found.append(Miss(f"{step.name}.window.start", early, start, "min", words))
    yield from _smallest(found)


def _of_matches(step: Step, before: str, case: Case, tape: Tape) -> Iterator[Miss]:
    for n, match in enumerate(step.matches):
        if match.born is not None:
            loose = match.model_copy(update={"born": None})
            further, _ = taken(_with(step, n, loose), before, case, tape)
            start = case.fired[match.born.after].bar
            for fired in _earliest(further, step):
                if fired.has("formed_bar"):
                    away = int(fired.column("formed_bar")) - start
                    words = _born_words(away, match.born.bars, match.born.after)
                    yield Miss(f"{step.name}.born.bars", away, match.born.bars, "bars", words)
        for j, where in enumerate(match.where):
            others = (*match.where[:j], *match.where[j + 1 :])
            loose = _with(step, n, match.model_copy(update={"where": others}))
            each = loose.model_copy(update={"take": "each"})
            further, _ = taken(each, before, case, tape)
            found = [_where_miss(step, where, case, c.fired[step.name], tape) for c in further]
            yield from _smallest([miss for miss in found if not np.isnan(miss.size)])


def _born_words(away: int, limit: int, after: str) -> str:
    def told(bars: int) -> str:
        return f"{abs(bars)} bars {'before' if bars < 0 else 'after'} the {after}"

    return f"formed {told(away)}, no earlier than {told(limit)}"


def _where_miss(step: Step, where: Where, case: Case, fired: Fired, tape: Tape) -> Miss:
    value = number(where.value, case, tape, fired)
    bound = number(where.of, case, tape, fired)
    if constant(where.of) is None:
        told = [price_shown(v, tape) for v in (value, bound, abs(value - bound))]
        named = f" {where.of}"
    else:
        told, named = [shown(v) for v in (value, bound, abs(value - bound))], ""
    words = f"{where.value} {told[0]} not {where.is_}{named} {told[1]} ({told[2]} off)"
    return Miss(f"{step.name}.where", value, bound, "price", words)


def _with(step: Step, n: int, match: Match) -> Step:
    """Return a step with one of its alternatives replaced."""
    if not step.any:
        changed = {"born": match.born, "where": match.where}
        return step.model_copy(update=changed)
    return step.model_copy(update={"any": (*step.any[:n], match, *step.any[n + 1 :])})


def _earliest(further: list[Case], step: Step) -> list[Fired]:
    """Return the first event that a loosened step takes, if any."""
    return sorted((case.fired[step.name] for case in further), key=lambda f: f.bar)[:1]


def _smallest(found: list[Miss]) -> list[Miss]:
    return sorted(found, key=lambda miss: miss.size)[:1]


def clock_minutes(clock: str) -> int:
    """Return minutes since midnight of HH:MM."""
    return int(clock[:2]) * 60 + int(clock[3:])


def _minutes(moment: datetime, zone: str) -> int:
    local = moment.astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute + (24 * 60 if local.time() == time() else 0)


def _clock(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"
