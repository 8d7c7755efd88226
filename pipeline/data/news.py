"""A calendar of economic news, from the text of a CSV file to a news frame."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.news import IMPACTS, NEWS_COLUMNS, news_frame

MAX_ROWS = 500_000
_SPELLED = {
    **{impact: impact for impact in IMPACTS},
    "": "none",
    "holiday": "none",
    "non-economic": "none",
    "moderate": "medium",
    "med": "medium",
    "1": "low",
    "2": "medium",
    "3": "high",
}
_CURRENCY = 3


def parse_news(text: str, file: str) -> pd.DataFrame:
    """Return the news frame of a CSV file with the columns time, currency, impact, title.

    Parameters
    ----------
    text
        Columns in any order, found by their names; others are left aside. `time` is UTC, such as
        `2025-01-10 13:30` or `2025-01-10T13:30:00Z`. Impact is none, low, medium or high
        (1, 2, 3 stand for the last three). Lines that begin with `#` and empty ones don't count.
    file
        How errors call it.

    Raises
    ------
    DataError
        With the line, the field, its value and what would have been right.
    """
    lines = _lines(text)
    head = next(lines, None)
    if head is None:
        raise DataError(f"{file}: is empty; its first line names {', '.join(NEWS_COLUMNS)}")
    names = [name.strip().lower() for name in head[1]]
    absent = [name for name in NEWS_COLUMNS if name not in names]
    if absent:
        wanted = ", ".join(NEWS_COLUMNS)
        raise DataError(f"{file}:{head[0]}: no column '{absent[0]}' (wanted: {wanted})")
    places = [names.index(name) for name in NEWS_COLUMNS]
    rows = []
    for number, cells in lines:
        if len(cells) < len(names):
            raise DataError(f"{file}:{number}: {len(cells)} fields, not {len(names)}")
        rows.append(_row([cells[place].strip() for place in places], f"{file}:{number}"))
        if len(rows) > MAX_ROWS:
            raise DataError(f"{file}: more than {MAX_ROWS:,} items")
    return news_frame(rows)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, fields) of every line that counts."""
    plain = text.removeprefix("\ufeff")
    begin = next((line for line in plain.splitlines() if _counts(line)), "")
    cut = max(",;\t", key=begin.count)
    for number, line in enumerate(plain.splitlines(), start=1):
        if _counts(line):
            yield number, next(csv.reader([line], delimiter=cut))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _row(cells: list[str], place: str) -> tuple[datetime, str, str, str]:
    when, currency, impact, title = cells
    if not (currency.isalpha() and len(currency) == _CURRENCY):
        raise DataError(f"{place}: currency: '{currency}' is no currency like EUR")
    spelled = _SPELLED.get(impact.lower().removesuffix(" impact").strip())
    if spelled is None:
        raise DataError(f"{place}: impact: '{impact}' (valid: {', '.join(IMPACTS)})")
    return _time(when, place), currency.upper(), spelled, title


def _time(text: str, place: str) -> datetime:
    """Return an instant; without an offset it is UTC, as the file's contract says."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        why = f"{place}: time: '{text}' is no UTC time like 2025-01-10 13:30"
        raise DataError(why) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
