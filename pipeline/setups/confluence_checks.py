"""What must hold of a confluence: one kind of condition, with names that exist."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from pipeline.setups.conditions import ConfluenceRule
from pipeline.setups.reading import Path
from pipeline.setups.vocabulary import constant

Wrong = tuple[Path, str, tuple[str, ...]]
_KINDS = ("value", "where", "tool", "news_free")
_OF_EVENTS = ("event", "since", "max_bars")


class KnownNames(Protocol):
    """The names that a setup's tools and steps give."""

    @property
    def series(self) -> tuple[str, ...]:
        """Tools that give a series."""
        ...

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Columns of each tool that gives events."""
        ...

    @property
    def events(self) -> Mapping[str, tuple[str, ...]]:
        """Events of each tool."""
        ...

    @property
    def steps(self) -> Mapping[str, tuple[str, ...]]:
        """Fields of each step."""
        ...

    def wrong(self, ref: str, at: Path) -> Iterator[Any]:
        """Yield a mistake (path, why, valid) if a reference leads nowhere."""
        ...


def confluence_mistakes(rule: ConfluenceRule, names: KnownNames) -> Iterator[Wrong]:
    """Yield what is wrong with one confluence: where in it, why, and the valid words."""
    if sum(getattr(rule, kind) is not None for kind in _KINDS) != 1:
        yield (), "give one of", _KINDS
        return
    yield from _foreign(rule)
    if rule.value is not None:
        yield from _reference(rule.value, ("value",), names)
    if rule.per is not None and rule.per not in names.series:
        yield ("per",), f"'{rule.per}' is no tool that gives a series", names.series
    if rule.where is not None:
        for word, price in (("value", rule.where.value), ("of", rule.where.of)):
            if constant(price) is None:
                yield from _reference(price, ("where", word), names)
    if rule.tool is not None:
        yield from _events(rule, names)


def _foreign(rule: ConfluenceRule) -> Iterator[Wrong]:
    """Yield words that say something about events where no tool is asked for any."""
    given = [w for w in _OF_EVENTS if getattr(rule, w) not in (None, ())]
    if rule.tool is None and given:
        yield (given[0],), "goes with `tool` only", ()


def _reference(ref: str, at: Path, names: KnownNames) -> Iterator[Wrong]:
    for wrong in names.wrong(ref, at):
        yield wrong.path, wrong.why, wrong.valid


def _events(rule: ConfluenceRule, names: KnownNames) -> Iterator[Wrong]:
    tools = tuple(name for name in names.columns if name != "price")
    if rule.tool not in tools:
        yield ("tool",), f"'{rule.tool}' gives no events", tools
        return
    for event in rule.event:
        if event not in names.events[rule.tool]:
            why = f"'{rule.tool}' has no event '{event}'"
            yield ("event",), why, names.events[rule.tool]
    if rule.since is not None and rule.since not in names.steps:
        yield ("since",), f"'{rule.since}' is no step", tuple(names.steps)
