"""Days, months, years and clock times in a sentence, held against those in the facts."""

import re
from collections.abc import Iterator
from typing import Final

from pipeline.analysis.known_numbers import Known
from pipeline.analysis.number_words import MONTHS

_MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
_CLOCK: Final = re.compile(
    r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?:\s?(?P<half>[ap])\.?m\b\.?)?(?![\d:])",
    re.IGNORECASE,
)
_ISO: Final = re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{2})(?:-(?P<d>\d{2}))?(?!\d)(?:T(?=\d))?")
_DOTTED: Final = re.compile(r"(?<![\d.])(\d{1,2})([./])(\d{1,2})\2(\d{4}|\d{2})(?![\d])")
_DAY_MONTH: Final = re.compile(
    rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?(?P<m>{_MONTH})\b\.?(?:,?\s+(?P<y>\d{{4}}))?",
    re.IGNORECASE,
)
_MONTH_DAY: Final = re.compile(
    rf"\b(?P<m>{_MONTH})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,:]\d)(?:,?\s+(?P<y>\d{{4}}))?",
    re.IGNORECASE,
)
_MONTH_YEAR: Final = re.compile(rf"\b(?P<m>{_MONTH})\.?,?\s+(?P<y>\d{{4}})(?!\d)", re.IGNORECASE)
_YEAR: Final = re.compile(r"(?<![\d.,])(?:19|20)\d{2}(?![\d]|[.,:]\d)")
_NAMED: Final = (_ISO, _DAY_MONTH, _MONTH_YEAR, _MONTH_DAY)
_NOON: Final = 12


def days_known(text: str, known: Known) -> list[str]:
    """Return the days and times of a text that are in no fact, as they are written."""
    found = [words for words, hours in _clocks(text) if not known.clocks.intersection(hours)]
    rest = _CLOCK.sub(" ", text)
    for pattern in _NAMED:
        found += [m.group() for m in pattern.finditer(rest) if not _named(m, known)]
        rest = pattern.sub(" ", rest)
    found += [m.group() for m in _DOTTED.finditer(rest) if not _dotted(m, known)]
    rest = _DOTTED.sub(" ", rest)
    return found


def without_days(text: str) -> str:
    """Return the text without its days and clock times; a bare year stays a number."""
    for pattern in (_CLOCK, *_NAMED, _DOTTED):
        text = pattern.sub(" ", text)
    return text


def _clocks(text: str) -> Iterator[tuple[str, set[tuple[int, int]]]]:
    for match in _CLOCK.finditer(text):
        hour, minute = int(match.group(1)), int(match.group(2))
        half = (match["half"] or "").lower()
        if half:
            hour = hour % _NOON + (_NOON if half == "p" else 0)
        yield match.group(), {(hour, minute)}


def _named(match: re.Match[str], known: Known) -> bool:
    parts = match.groupdict()
    month = parts["m"].lower()
    number = MONTHS.get(month) or int(month)
    return _is_day(parts.get("y"), number, int(parts.get("d") or 0), known)


def _dotted(match: re.Match[str], known: Known) -> bool:
    one, two, year = int(match.group(1)), int(match.group(3)), match.group(4)
    full = year if len(year) > 2 else f"20{year}"  # noqa: PLR2004
    orders = [(two, one)] if match.group(2) == "." else [(two, one), (one, two)]
    return any(_is_day(full, month, day, known) for month, day in orders)


def _is_day(year: str | None, month: int, day: int, known: Known) -> bool:
    return any(
        (not year or int(year) == y) and month == m and (not day or day == d)
        for y, m, d in known.days
    )
