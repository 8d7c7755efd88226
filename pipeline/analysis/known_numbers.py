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
_NUMBER: Final = re.compile(
    r"(?<![\w.,])(?:[-−+](?=\d))?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d]|[.,]\d)"
)
_PERCENT: Final = re.compile(r"\s*(?:%|percent)")
_PERCENT_KEY: Final = re.compile(r"pct|percent")
_NAME: Final = re.compile(r"[^\W\d_][\w&/+-]*\d[\w+-]*", re.UNICODE)


@dataclass(frozen=True)
class Known:
    """What may be said: values with their sign, days (day 0: a whole month), times, names.

    Percents are values that the facts give in percent; others are shares of one.
    """

    values: frozenset[float] = frozenset()
    percents: frozenset[float] = frozenset()
    days: frozenset[Day] = frozenset()
    clocks: frozenset[tuple[int, int]] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass
class _Found:
    values: set[float] = field(default_factory=set)
    percents: set[float] = field(default_factory=set)
    days: set[Day] = field(default_factory=set)
    clocks: set[tuple[int, int]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def known_in(facts: str) -> Known:
    """Return what a JSON text of facts holds; keys count as its words, not as its numbers."""
    found = _Found()
    for key, leaf in _leaves(json.loads(facts)):
        if isinstance(leaf, str):
            _from_words(leaf, found)
        else:
            found.values.add(float(leaf))
            if _PERCENT_KEY.search(key):
                found.percents.add(float(leaf))
    return Known(
        frozenset(found.values), frozenset(found.percents), frozenset(found.days),
        frozenset(found.clocks), frozenset(found.names),
    )  # fmt: skip


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str | float]]:
    """Give each string and number with the key that it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (("", word) for word in _NAME.findall(name))
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    elif isinstance(value, str) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    ):
        yield key, value


def _from_words(words: str, found: _Found) -> None:
    for year, month, day in _ISO.findall(words):
        found.days.add((int(year), int(month), int(day or 0)))
        found.values.add(float(year))
    for hour, minute in (*_CLOCK_IN_STAMP.findall(words), *_CLOCK.findall(words)):
        found.clocks.add((int(hour), int(minute)))
    found.names.update(name.lower() for name in _NAME.findall(words))
    rest = _CLOCK.sub(" ", _ISO.sub(" ", words))
    for match in _NUMBER.finditer(rest):
        number = float(match.group().replace("−", "-").replace(",", ""))
        found.values.add(number)
        if _PERCENT.match(rest, match.end()):
            found.percents.add(number)
