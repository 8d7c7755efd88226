"""When a deployment starts by itself: its words in the file, as a schedule understands them."""

import re
from dataclasses import dataclass

_FIELDS = (
    ("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12),
    ("weekday", 0, 7),
)  # fmt: skip
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORKDAYS = {1, 2, 3, 4, 5}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = {
    "weekday": {name: number for number, name in enumerate(_DAYS)},
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
}
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_EVERY = re.compile(r"every (?:(\d+) )?(minute|hour|day|week)s?", re.IGNORECASE)
_MINUTES = {"minute": 1, "hour": 60, "day": 1440, "week": 10080}
_LONGEST = 527_040
_WORDS = 5
HOW = 'write five words such as "30 22 * * mon-fri", or "every 15 minutes"'


@dataclass(frozen=True)
class Times:
    """A cron line with weekdays by name, or minutes between two times."""

    cron: str | None = None
    minutes: int | None = None


def read_times(words: str) -> Times:
    """Read a schedule's words.

    Raises
    ------
    ValueError
        Says which of the five words is wrong and what it may be.
    """
    every = _EVERY.fullmatch(" ".join(words.split()))
    if every is not None:
        minutes = int(every.group(1) or 1) * _MINUTES[every.group(2).lower()]
        if not 1 <= minutes <= _LONGEST:
            raise ValueError(f"'{words}' is not between a minute and a year")
        return Times(minutes=minutes)
    parts = words.lower().split()
    if len(parts) != _WORDS:
        raise ValueError(f"'{words}' has {len(parts)} words, not five; {HOW}")
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        _numbers(part, name, low, high)
    if parts[2] != "*" != parts[4]:
        raise ValueError("a day of month and a weekday together are read as 'or' by some")
    return Times(cron=" ".join([*parts[:-1], _weekdays(parts[-1])]))


def _numbers(word: str, name: str, low: int, high: int) -> set[int]:
    """Return all numbers that a word of a cron line means."""
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{name} '{word}' is not understood; {HOW}")
        every, first, last, step = match.groups()
        start = low if every == "*" else _number(first, name, low, high)
        end = high if every == "*" or (step and not last) else start
        end = _number(last, name, low, high) if last else end
        end = high if (name, last) == ("weekday", "sun") else end
        if end < start:
            raise ValueError(f"{name} '{part}' ends before it starts")
        if step == "0":
            raise ValueError(f"{name} '{part}': a step is 1 or more")
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(word: str, name: str, low: int, high: int) -> int:
    named = _NAMES.get(name, {}).get(word)
    number = int(word) if named is None and word.isascii() and word.isdecimal() else named
    if number is None or not low <= number <= high:
        names = " (0 and 7 are Sunday, 1 is Monday) or sun, mon … sat" if name == "weekday" else ""
        names = " or jan … dec" if name == "month" else names
        raise ValueError(f"{name} '{word}' is not one of {low} to {high}{names}")
    return number


def _weekdays(word: str) -> str:
    """Write weekdays by name: as numbers they are Sundays to one reader, Mondays to another."""
    numbers = {number % 7 for number in _numbers(word, *_FIELDS[-1])}
    if len(numbers) == len(_DAYS):
        return "*"
    if numbers == _WORKDAYS:
        return "mon-fri"
    return ",".join(day for number, day in enumerate(_DAYS) if number in numbers)
