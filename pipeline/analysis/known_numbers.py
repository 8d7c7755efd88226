"""The numbers, days, clock times and names that facts hold."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Day = tuple[int, int, int]
_ISO: Final = re.compile(r"\b(\d{4})-(\d{2})(?:-(\d{2}))?(?!\d)")
_CLOCK: Final = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?(?![\d:])")
_CLOCK_IN_STAMP: Final = re.compile(r"(?<=T)(\d{2}):(\d{2})")
_NUMBER: Final = re.compile(r"(?<![\w.])[-−+]?\d+(?:\.\d+)?(?![\w])")
_NAME: Final = re.compile(r"[^\W\d_][\w&/+-]*\d[\w+-]*", re.UNICODE)


@dataclass(frozen=True)
class Known:
    """What may be said: values with their sign, days (day 0: a whole month), times, names."""

    values: frozenset[float] = frozenset()
    days: frozenset[Day] = frozenset()
    clocks: frozenset[tuple[int, int]] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass
class _Found:
    values: set[float] = field(default_factory=set)
    days: set[Day] = field(default_factory=set)
    clocks: set[tuple[int, int]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def known_in(facts: str) -> Known:
    """Return what a JSON text of facts holds; keys count as its words, not as its numbers."""
    found = _Found()
    for leaf in _leaves(json.loads(facts)):
        if isinstance(leaf, str):
            _from_words(leaf, found)
        else:
            found.values.add(float(leaf))
    return Known(
        frozenset(found.values), frozenset(found.days), frozenset(found.clocks),
        frozenset(found.names),
    )  # fmt: skip


def _leaves(value: Any) -> Iterator[str | float]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (name for name in _NAME.findall(key))
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    ):
        yield value


def _from_words(words: str, found: _Found) -> None:
    for year, month, day in _ISO.findall(words):
        found.days.add((int(year), int(month), int(day or 0)))
        found.values.add(float(year))
    for hour, minute in (*_CLOCK_IN_STAMP.findall(words), *_CLOCK.findall(words)):
        found.clocks.add((int(hour), int(minute)))
    found.names.update(name.lower() for name in _NAME.findall(words))
    rest = _CLOCK.sub(" ", _ISO.sub(" ", words))
    for number in _NUMBER.findall(rest):
        found.values.add(float(number.replace("−", "-")))
