"""What must hold between the parts of a setup: names that exist, events that a tool gives."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from pipeline.detectors.base import all_detectors, get
from pipeline.domain.events import Events
from pipeline.setups.columns import empty_outputs
from pipeline.setups.confluence_checks import confluence_mistakes
from pipeline.setups.model import Match, SetupSpec, Step, Tool
from pipeline.setups.reading import Path
from pipeline.setups.vocabulary import constant

ZONE_FIELDS = (
    "low", "high", "middle", "near", "far", "size", "running_extreme", "bars_ago",
)  # fmt: skip
"""Fields of every step. near/far: the zone's edge towards / away from the trade's target;
running_extreme: the worst price against the trade from the step on; bars_ago: bars since it."""
PRICE_EVENTS = ("closes_beyond", "touches_beyond")
"""Events of the tool `price`: a bar goes beyond the edge of the zone of the step `of`."""
PRICE_FIELDS = ("level", "opposite")
SERIES_INPUTS = ("atr", "adr")
COMMON = ("bar", "known_at", "event", "side", "start", "price_low", "price_high", "zone_id")
_TOOL_WORDS = ("detector", "timeframe")


@dataclass(frozen=True)
class Mistake:
    """One thing wrong: where in the file, why, and what would have been right."""

    path: Path
    why: str
    valid: tuple[str, ...] = ()


def mistakes(spec: SetupSpec) -> Iterator[Mistake]:
    """Yield what is wrong; tools first, as all else hangs on them."""
    broken = list(_tools(spec))
    yield from broken or _circle(spec)
    if broken or any(_circle(spec)):
        return
    try:
        words = _Words(spec)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        yield Mistake(("tools",), f"these tools can't work together: {error}"[:200])
        return
    yield from _steps(spec, words)
    yield from _orders(spec, words)
    yield from _extras(spec, words)
    if spec.timeframe not in spec.timeframes:
        yield Mistake(("timeframe",), "is not among timeframes", tuple(spec.timeframes))


def _tools(spec: SetupSpec) -> Iterator[Mistake]:
    names = tuple(d.name for d in all_detectors())
    for name, tool in spec.tools.items():
        at: Path = ("tools", name)
        if tool.detector not in names:
            yield Mistake((*at, "detector"), f"unknown detector '{tool.detector}'", names)
            continue
        yield from _inputs(spec, tool, at)
        yield from _parameters(tool, at)
    if "price" in spec.tools:
        yield Mistake(("tools", "price"), "the name 'price' is taken")


def _inputs(spec: SetupSpec, tool: Tool, at: Path) -> Iterator[Mistake]:
    for wanted in get(tool.detector).inputs:
        given = tool.settings.get(wanted)
        kind = "series" if wanted in SERIES_INPUTS else "events"
        fit = tuple(
            n for n, t in spec.tools.items() if t is not tool and _output(t) in (kind, None)
        )
        if given is None:
            yield Mistake(at, f"{tool.detector} needs '{wanted}: <tool>'", fit)
        elif given not in fit:
            yield Mistake((*at, wanted), f"'{given}' is no tool that gives {kind}", fit)


def _output(tool: Tool) -> str | None:
    found = [d.output for d in all_detectors() if d.name == tool.detector]
    return found[0] if found else None


def _parameters(tool: Tool, at: Path) -> Iterator[Mistake]:
    detector = get(tool.detector)
    given = {k: v for k, v in tool.settings.items() if k not in detector.inputs}
    valid = tuple(detector.parameters.model_fields) + detector.inputs + _TOOL_WORDS
    try:
        detector.parameters(**given)
    except ValidationError as error:
        for e in error.errors():
            word = e["loc"][0] if e["loc"] else ""
            if e["type"] == "extra_forbidden":
                yield Mistake((*at, word), f"{detector.name} has no parameter '{word}'", valid)
            else:
                yield Mistake((*at, *e["loc"]), str(e["msg"]))


def _circle(spec: SetupSpec) -> Iterator[Mistake]:
    reads = {n: [t.settings[i] for i in get(t.detector).inputs] for n, t in spec.tools.items()}
    for name, inputs in reads.items():
        seen, ahead = set(), list(inputs)
        while ahead:
            nxt = ahead.pop()
            if nxt == name:
                yield Mistake(("tools", name), f"'{name}' reads itself in a circle")
                return
            if nxt not in seen:
                seen.add(nxt)
                ahead += reads[str(nxt)]


class _Words:
    """Which names, events and fields a setup's tools give."""

    def __init__(self, spec: SetupSpec) -> None:
        found = empty_outputs(spec)
        self.series = tuple(n for n, f in found.items() if isinstance(f, np.ndarray))
        events = {n: f for n, f in found.items() if isinstance(f, Events)}
        self.columns = {n: f.names for n, f in events.items()}
        self.fields = {n: _numbers(f) for n, f in events.items()} | {"price": PRICE_FIELDS}
        self.events = {n: get(spec.tools[n].detector).gives for n in self.columns}
        self.events["price"] = PRICE_EVENTS
        self.columns["price"] = PRICE_FIELDS
        self.steps: dict[str, tuple[str, ...]] = {}

    def add(self, step: Step) -> None:
        """Learn a step's fields: those that all its alternatives have."""
        sets = [set(self.fields.get(m.tool or "", ())) for m in step.matches]
        self.steps[step.name] = ZONE_FIELDS + tuple(sorted(set.intersection(*sets)))

    def wrong(self, ref: str, at: Path, this: Match | None = None) -> Iterator[Mistake]:
        """Yield a mistake if a reference leads nowhere."""
        if ref == "close" or ref in self.series:
            return
        step, _, field = ref.partition(".")
        if step == "this" and this is not None:
            fields = ZONE_FIELDS + self.fields.get(this.tool or "", ())
        elif step in self.steps:
            fields = self.steps[step]
        else:
            yield Mistake(at, f"'{ref}' is no `step.field`", (*self.steps, "close", *self.series))
            return
        if field not in fields:
            yield Mistake(at, f"'{step}' has no field '{field}'", fields)


def _numbers(events: Events) -> tuple[str, ...]:
    """Return the columns that are numbers a rule can use; row numbers are none."""
    return tuple(
        name
        for name, values in events.columns.items()
        if values.dtype.kind in "if" and name not in COMMON and not name.endswith("_bar")
    )


def _steps(spec: SetupSpec, words: _Words) -> Iterator[Mistake]:
    for i, step in enumerate(spec.steps):
        at: Path = ("steps", i)
        if step.name in words.steps or step.name in ("close", "this"):
            yield Mistake((*at, "name"), f"'{step.name}' is taken")
        if step.after is not None and step.after not in words.steps:
            yield Mistake((*at, "after"), f"'{step.after}' is no earlier step", tuple(words.steps))
        if step.any and step.tool is not None:
            yield Mistake((*at, "tool"), "give one of the two", ("tool", "any"))
        if i == 0:
            yield from _first(step, at)
        for j, match in enumerate(step.matches):
            yield from _match(match, (*at, "any", j) if step.any else at, words, first=i == 0)
        given = words.events.get(step.matches[0].tool or "", ())
        for event in step.unless:
            if event not in given:
                yield Mistake((*at, "unless", event), f"unknown event '{event}'", given)
        words.add(step)
        for j, limit in enumerate(step.limits):
            yield from words.wrong(limit.value, (*at, "limits", j, "value"))
            yield from _series(limit.per, (*at, "limits", j, "per"), words)


def _first(step: Step, at: Path) -> Iterator[Mistake]:
    """Yield what can't be asked of the first step, as nothing lies before it."""
    for match in step.matches:
        asked = {"of": match.of, "born": match.born, "latest": match.latest or None}
        for word, value in asked.items():
            if value is not None:
                yield Mistake((*at, word), "has no meaning on the first step")
    if step.max_bars is not None or step.min_bars:
        yield Mistake(at, "max_bars and min_bars have no meaning on the first step")


def _match(match: Match, at: Path, words: _Words, *, first: bool) -> Iterator[Mistake]:
    tool = match.tool or ""
    if tool not in words.events:
        yield Mistake((*at, "tool"), f"unknown tool '{tool}'", tuple(words.events))
        return
    given = words.events[tool]
    if not match.event:
        yield Mistake((*at, "event"), "is missing", given)
    for event in match.event:
        if event not in given:
            yield Mistake((*at, "event"), f"'{tool}' has no event '{event}'", given)
    if match.of is not None and match.of not in words.steps:
        yield Mistake((*at, "of"), f"'{match.of}' is no earlier step", tuple(words.steps))
    if tool == "price" and (match.of is None or first):
        yield Mistake((*at, "of"), "price needs `of: <earlier step>`", tuple(words.steps))
    yield from _born(match, at, words)
    for j, where in enumerate(match.where):
        for word, price in (("value", where.value), ("of", where.of)):
            if constant(price) is None:
                yield from words.wrong(price, (*at, "where", j, word), match)


def _born(match: Match, at: Path, words: _Words) -> Iterator[Mistake]:
    if match.born is None:
        return
    if match.born.after not in words.steps:
        yield Mistake((*at, "born", "after"), "is no earlier step", tuple(words.steps))
    if "formed_bar" not in words.columns[match.tool or ""]:
        yield Mistake((*at, "born"), f"'{match.tool}' doesn't say when its zones were formed")


def _series(name: str | None, at: Path, words: _Words) -> Iterator[Mistake]:
    if name is not None and name not in words.series:
        yield Mistake(at, f"'{name}' is no tool that gives a series", words.series)


def _orders(spec: SetupSpec, words: _Words) -> Iterator[Mistake]:
    if (spec.entry.type == "limit") != (spec.entry.at is not None):
        yield Mistake(("entry", "at"), "a limit needs `at`, a market entry has none")
    if spec.entry.at is not None:
        yield from words.wrong(spec.entry.at, ("entry", "at"))
    yield from words.wrong(spec.stop.behind, ("stop", "behind"))
    yield from _series(spec.stop.atr, ("stop", "atr"), words)
    if spec.stop.atr is None and (spec.stop.buffer_atr or spec.stop.min_atr):
        yield Mistake(("stop", "atr"), "is missing: which series measures it?", words.series)
    for i, target in enumerate(spec.targets):
        if (target.tp is None) == (target.at is None):
            yield Mistake(("targets", i), "give one of the two", ("tp", "at"))
        if target.at is not None:
            yield from words.wrong(target.at, ("targets", i, "at"))
    if abs(sum(t.share for t in spec.targets) - 1) > 1e-9:  # noqa: PLR2004 - rounding only
        yield Mistake(("targets",), "the shares don't add up to 1")


def _extras(spec: SetupSpec, words: _Words) -> Iterator[Mistake]:
    for i, void in enumerate(spec.voids):
        at: Path = ("voids", i)
        if void.spread_over_median is not None:
            continue
        if void.since not in words.steps:
            yield Mistake((*at, "since"), "is no step", tuple(words.steps))
        if void.is_ is None or void.of is None:
            yield Mistake(at, "needs `is` and `of`, or `spread_over_median`")
        else:
            yield from words.wrong(void.of, (*at, "of"))
    for i, rule in enumerate(spec.confluences):
        for at, why, valid in confluence_mistakes(rule, words):
            yield Mistake(("confluences", i, *at), why, valid)
    for name, tool in spec.context.items():
        if tool not in spec.tools:
            yield Mistake(("context", name), f"unknown tool '{tool}'", tuple(spec.tools))
