"""Reads periods as people write them: 2025-05, 2025-05-01..2025-10-31, last 90d, 01.05.2025."""

import calendar
import re
from datetime import date, timedelta

_DAY = r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4})"
_POINT = rf"(?:{_DAY}|\d{{4}}-\d{{1,2}}|\d{{4}})"
_RANGE = re.compile(rf"({_POINT})\.\.({_POINT})|({_DAY})[-/]({_DAY})")
_LAST = re.compile(r"last(\d{1,4})(d|days?|w|weeks?|mo|months?|m|y|years?)?", re.IGNORECASE)
_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}
_FIRST_YEAR = 1970


def looks_like_period(word: str) -> bool:
    """Whether a word is meant as a period, well written or not."""
    lowered = word.lower()
    if lowered in ("ytd", "today", "yesterday") or re.match(r"last\d", lowered):
        return True
    return bool(re.fullmatch(r"\d{4}", word) or re.fullmatch(r"\d[\d.\-/:]{5,}", word))


def parse_period(word: str, today: date) -> tuple[date, date]:
    """Return the first and last day (both included) that `word` names.

    Raises
    ------
    ValueError
        With one line a person can act on.
    """
    lowered = word.lower()
    if lowered in ("today", "yesterday"):
        day = today - timedelta(days=int(lowered == "yesterday"))
        return day, day
    if lowered == "ytd":
        return date(today.year, 1, 1), today
    if found := _LAST.fullmatch(lowered):
        return _last(int(found[1]), (found[2] or "d")[0], today)
    if found := _RANGE.fullmatch(word):
        first, last = (found[1], found[2]) if found[1] else (found[3], found[4])
        start, end = _point(first)[0], _point(last)[1]
    else:
        start, end = _point(word)
    if start > end:
        raise ValueError(f"it starts ({start}) after it ends ({end})")
    return start, end


def _last(count: int, unit: str, today: date) -> tuple[date, date]:
    if count < 1:
        raise ValueError("it holds no day")
    return today - timedelta(days=count * _UNITS[unit] - 1), today


def _point(word: str) -> tuple[date, date]:
    """First and last day of a year, month or day."""
    if re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}", word):
        day, month, year = (int(part) for part in word.split("."))
        return _day(year, month, day), _day(year, month, day)
    if not re.fullmatch(_POINT, word):
        raise ValueError("write it like 2025-05, 2025-05-01..2025-10-31 or last 90d")
    parts = [int(part) for part in word.split("-")]
    first = _day(*[*parts, 1, 1][:3])
    if len(parts) == 1:
        return first, date(parts[0], 12, 31)
    if len(parts) == 2:  # noqa: PLR2004 - year and month
        return first, first.replace(day=calendar.monthrange(*parts)[1])
    return first, first


def _day(year: int, month: int, day: int) -> date:
    if year < _FIRST_YEAR:
        raise ValueError(f"{year} is before {_FIRST_YEAR}")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"there is no day {year}-{month:02d}-{day:02d}") from None
