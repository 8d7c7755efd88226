"""Periods as people say them: last summer, from March to June 2025, за последние 3 месяца."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from pipeline.periods import parse_period
from pipeline.plain_words.calendar_words import (
    MONTH,
    NUMBER,
    ORDINAL,
    SEASON,
    month_named,
    month_of,
    moved,
    number_named,
    ordinal_named,
    season_named,
)
from pipeline.plain_words.sentence import Sentence

Span = tuple[date, date]
_YEAR = r"(?:19[789]\d|20\d\d)"
_OF = r"(?:\s+(?:of|г(?:ода|од|\.)?))?"
_POINT = (
    rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|\d{{4}}-\d{{1,2}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{MONTH})(?:,?\s+{_YEAR})?|"
    rf"(?:{MONTH})(?:\s+\d{{1,2}}(?:st|nd|rd|th)?(?!\d))?(?:,?\s+{_YEAR})?|{_YEAR}"
)
_TAIL = r"(?:\s*(?:года|году|год|г\.?)(?!\w))?"
_TO = r"\s*(?:\.\.+|-|to|till|until|through|and|по|до|и)\s*"
_RANGE = re.compile(
    rf"(?<!\w)(?:from|between|since|с|со|от)?\s*(?P<a>{_POINT}){_TAIL}{_TO}(?P<b>{_POINT})(?!\w){_TAIL}"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DAYS_OF = re.compile(
    rf"(?<!\w)(?:(?:from|between|с|со|от)\s+)?(?:(?P<a>{_DAY}){_TO}(?P<b>{_DAY})\s+(?:of\s+)?(?P<m>{MONTH})|"
    rf"(?P<m2>{MONTH})\s+(?P<a2>{_DAY}){_TO}(?P<b2>{_DAY}))(?:,?\s+(?P<y>{_YEAR}))?(?!\w){_TAIL}"
)
_SINCE = re.compile(rf"(?<!\w)(?:since|starting|начиная с|с|со)\s+(?P<a>{_POINT})(?!\w){_TAIL}")
_ALONE = re.compile(
    rf"(?<!\w)(?:(?P<in>in|on|for|during|of|over|в|во|за|на)\s+)?(?:(?:the\s+)?(?:whole|all|весь|всего)\s+(?:of\s+)?)?"
    rf"(?P<a>{_POINT})(?!\w){_TAIL}"
)
_UNIT = (
    r"days?|weeks?|months?|quarters?|years?|дн(?:я|ей)|день|недел[иьюя]|месяц(?:а|ев)?|"
    r"квартал(?:а|ов)?|год(?:а|у)?|лет"
)
_LAST_N = re.compile(
    rf"(?<!\w)(?:for|over|in|during|за|в)?\s*(?:the\s+)?"
    rf"(?:last|past|previous|последн\w+)\s+(?P<n>{NUMBER})\s*(?P<unit>{_UNIT}|d|w|mo|m|y)(?!\w)"
)
_RELATIVE = re.compile(
    rf"(?<!\w)(?:in|on|for|during|over|в|во|на|за)?\s*(?:the\s+)?"
    rf"(?P<which>last|past|previous|this|current|прошл\w+|прошедш\w+|последн\w+|эт(?:от|ом|у|ой|им|а|о)|текущ\w+)"
    rf"\s+(?P<what>week|month|quarter|year|{SEASON}|недел[юея]|месяц[еа]?|квартал[еа]?|год[уа]?)(?!\w)"
)
_SEASON_OF = re.compile(
    rf"(?<!\w)(?:in|during|of|в|за)?\s*(?:the\s+)?(?P<s>{SEASON}){_OF}\s+(?P<y>{_YEAR})(?!\w){_TAIL}"
)
_PART = re.compile(
    rf"(?<!\w)(?:in|during|for|over|в|во|за)?\s*(?:the\s+)?(?:q(?P<q>[1-4])|(?P<o>{ORDINAL})"
    rf"(?:[-\s]?(?:й|м))?\s+(?P<what>quarter|half|квартал[еа]?|полугоди[еия]|половин[ае]))"
    rf"(?:\s+(?:of\s+)?(?P<y>{_YEAR}))?(?!\w)(?!\s+(?:of\s+)?(?:{MONTH})(?!\w)){_TAIL}"
)
_HALF_OF = re.compile(
    rf"(?<!\w)(?:in|during|for|over|в|во|за)?\s*(?:the\s+)?(?P<o>{ORDINAL})\s+"
    rf"(?:half|половин[аеуы])\s+(?:of\s+)?(?P<m>{MONTH})(?:,?\s+(?P<y>{_YEAR}))?(?!\w){_TAIL}"
)
_MORE = re.compile(rf"(?<!\w)(?!may(?!\w))(?:{_YEAR}|(?:{MONTH})|(?:{SEASON}))(?!\w)")
_WORDS = re.compile(
    r"(?<!\w)(?:for\s+|за\s+)?"
    r"(?P<w>today|yesterday|ytd|year to date|this year so far|сегодня|вчера|с начала года)(?!\w)"
)


def take_period(sentence: Sentence, today: date) -> Span | None:
    """Take and return the first and last day that a sentence names, or None.

    Notes
    -----
    `last week`, `last month`, `last year` are whole calendar ones; `last 3 months` ends today. A
    season is meteorological: summer is June to August, winter December to February. `last
    summer` is the newest one that has ended, a month without a year the newest that has begun.
    """
    readings: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Span | None]], ...] = (
        (_WORDS, lambda m: _word(m["w"], today)),
        (_LAST_N, lambda m: _last(number_named(m["n"]), m["unit"], today)),
        (_RELATIVE, lambda m: _relative(m["which"], m["what"], today)),
        (_SEASON_OF, lambda m: month_of(int(m["y"]), season_named(m["s"]), 3)),
        (_HALF_OF, lambda m: _half_of(m, today)),
        (_PART, lambda m: _part(m, today)),
        (_DAYS_OF, lambda m: _days_of(m, today)),
        (_RANGE, lambda m: _range(m["a"], m["b"], today)),
        (_SINCE, lambda m: _since(m["a"], today)),
        (_ALONE, lambda m: _alone(m, today)),
    )
    for pattern, read in readings:
        span = sentence.take(pattern, "period", _told(read))
        if span is not None:
            return span
    return None


def _told(
    read: Callable[[re.Match[str]], Span | None],
) -> Callable[[re.Match[str]], tuple[Span, str] | None]:
    def tell(found: re.Match[str]) -> tuple[Span, str] | None:
        try:
            span = read(found)
        except ValueError:  # no such day
            return None
        return None if span is None or span[0] > span[1] else (span, f"{span[0]}..{span[1]}")

    return tell


def _word(word: str, today: date) -> Span:
    if word in ("yesterday", "вчера"):
        return today - timedelta(days=1), today - timedelta(days=1)
    if word in ("today", "сегодня"):
        return today, today
    return date(today.year, 1, 1), today


def _last(count: int, unit: str, today: date) -> Span | None:
    if not 0 < count <= 3660:  # noqa: PLR2004  (ten years of days)
        return None
    months = _months_in(unit)
    if months == 0:
        days = 7 if unit.startswith(("w", "недел")) else 1
        return today - timedelta(days=count * days - 1), today
    return moved(today, -count * months) + timedelta(days=1), today


def _months_in(unit: str) -> int:
    if unit.startswith(("y", "год", "лет")):
        return 12
    if unit.startswith(("quarter", "квартал")):
        return 3
    return 1 if unit.startswith(("m", "месяц")) else 0


def _relative(which: str, what: str, today: date) -> Span | None:
    now = which.startswith(("this", "current", "эт", "текущ"))
    if what.startswith(("week", "недел")):
        monday = today - timedelta(days=today.weekday())
        return (monday, today) if now else (monday - timedelta(7), monday - timedelta(1))
    if what.startswith(("month", "месяц", "quarter", "квартал", "year", "год")):
        months = _months_in(what)
        first = date(today.year, (today.month - 1) // months * months + 1, 1)
        start = first if now else moved(first, -months)
        return (start, today) if now else month_of(start.year, start.month, months)
    return _season(season_named(what), now=now, today=today)


def _season(month: int, *, now: bool, today: date) -> Span | None:
    """Return this season as far as it has come, or the newest that has ended."""
    for year in (today.year, today.year - 1, today.year - 2):
        start, end = month_of(year, month, 3)
        if now and start <= today:
            return start, min(end, today)
        if not now and end < today:
            return start, end
    return None


def names_more(sentence: Sentence) -> bool:
    """Tell whether a year, a month or a season is left that nothing has taken."""
    return _MORE.search(sentence.plain) is not None


def _half_of(found: re.Match[str], today: date) -> Span | None:
    year = f" {found['y']}" if found["y"] else ""
    start, end = _point(f"{found['m']}{year}", today)
    if ordinal_named(found["o"]) == 1:
        return start, start.replace(day=15)
    return (start.replace(day=16), end) if ordinal_named(found["o"]) == 2 else None  # noqa: PLR2004


def _part(found: re.Match[str], today: date) -> Span | None:
    number = int(found["q"]) if found["q"] else ordinal_named(found["o"])
    months = 3 if found["q"] or found["what"].startswith(("quarter", "квартал")) else 6
    if number * months > 12:  # noqa: PLR2004
        return None
    month = (number - 1) * months + 1
    year = int(found["y"]) if found["y"] else today.year
    if not found["y"] and date(year, month, 1) > today:
        year -= 1
    return month_of(year, month, months)


def _days_of(found: re.Match[str], today: date) -> Span:
    """Return two days of one month."""
    month, year = found["m"] or found["m2"], f" {found['y']}" if found["y"] else ""
    first, last = (_number(found[a] or found[b]) for a, b in (("a", "a2"), ("b", "b2")))
    return _point(f"{first} {month}{year}", today)[0], _point(f"{last} {month}{year}", today)[1]


def _number(word: str) -> int:
    return int(re.sub(r"\D", "", word))


def _range(first: str, last: str, today: date) -> Span | None:
    """Return the days from one point to another; a year said once holds for both."""
    if _has_year(first) and not _has_year(last):
        start = _point(first, today)[0]
        end = _point(last, today, year=start.year)[1]
        return start, end if end >= start else _point(last, today, year=start.year + 1)[1]
    end = _point(last, today)[1]
    start = _point(first, today, year=end.year)[0]
    return start if start <= end else _point(first, today, year=end.year - 1)[0], end


def _since(point: str, today: date) -> Span:
    return _point(point, today)[0], today


def _alone(found: re.Match[str], today: date) -> Span | None:
    point = found["a"]
    if point == "may" and not found["in"]:  # "it may …" is no month
        return None
    return _point(point, today)


def _has_year(point: str) -> bool:
    return bool(re.search(r"\d{4}", point))


def _point(point: str, today: date, *, year: int | None = None) -> Span:
    """Return the days of a year, month or day; without a year the newest that has begun."""
    if re.fullmatch(r"[\d.\-]+", point):
        return parse_period(point, today)
    month_word = re.search(MONTH, point)
    month = month_named(month_word.group() if month_word else "")
    given = re.search(_YEAR, point)
    day = re.search(r"(?<!\d)\d{1,2}(?!\d)", point)
    number = int(day.group()) if day else 1
    if given:
        year = int(given.group())
    elif year is None:
        year = today.year - int(date(today.year, month, min(number, 28)) > today)
    if day:
        return date(year, month, number), date(year, month, number)
    return month_of(year, month)
