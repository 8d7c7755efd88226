"""When a symbol's market is open: trading days and the bars that should exist."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
from pandas.tseries.holiday import (
    EasterMonday,
    GoodFriday,
    Holiday,
    USLaborDay,
    USMartinLutherKingJr,
    USMemorialDay,
    USPresidentsDay,
    USThanksgivingDay,
)

from pipeline.data.clean import bin_opens
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe

DAY = 86_400

_NEW_YEAR = Holiday("New Year", month=1, day=1)
_CHRISTMAS = Holiday("Christmas", month=12, day=25)


_FX = (_NEW_YEAR, _CHRISTMAS)
_US = (_NEW_YEAR, GoodFriday, _CHRISTMAS)
_US_EARLY = (
    USMartinLutherKingJr,
    USPresidentsDay,
    USMemorialDay,
    Holiday("Juneteenth", month=6, day=19, start_date="2022-01-01"),
    Holiday("Independence Day", month=7, day=4),
    USLaborDay,
    USThanksgivingDay,
)
_XETRA = (  # Deutsche Börse's trading calendar
    _NEW_YEAR,
    GoodFriday,
    EasterMonday,
    Holiday("Labour Day", month=5, day=1),
    Holiday("Christmas Eve", month=12, day=24),
    _CHRISTMAS,
    Holiday("Boxing Day", month=12, day=26),
    Holiday("New Year's Eve", month=12, day=31),
)


@dataclass(frozen=True)
class MarketHours:
    """One calendar: a window of local minutes on each trading day.

    `start` may be negative: the trading day begins on the evening before. Fewer bars than a
    broker shows are claimed on purpose: only hours that every source of the symbol has.
    """

    zone: str
    start: int
    end: int
    holidays: tuple[Holiday, ...] = ()
    early: tuple[Holiday, ...] = ()
    early_end: int = 0
    weekends: bool = False


_NY = "America/New_York"
CALENDARS: dict[str, MarketHours] = {
    "fx": MarketHours(_NY, -7 * 60, 17 * 60, _FX),
    "metal": MarketHours(_NY, -6 * 60, 17 * 60, _US, _US_EARLY, 13 * 60),
    "index_us": MarketHours(_NY, -6 * 60, 17 * 60, _US, _US_EARLY, 13 * 60),
    "index_xetra": MarketHours("Europe/Berlin", 75, 22 * 60, _XETRA),  # Eurex 01:10–22:00
    "crypto": MarketHours("UTC", 0, 24 * 60, weekends=True),
}


def market_hours(calendar: str) -> MarketHours:
    """Return a calendar by name; an unknown name raises BadRequestError."""
    if calendar not in CALENDARS:
        raise BadRequestError(
            f"unknown calendar {calendar!r}: use one of {', '.join(CALENDARS)}",
            field="calendar",
            value=calendar,
            closest=tuple(CALENDARS),
        )
    return CALENDARS[calendar]


def trading_days(calendar: str, first: date, last: date) -> list[date]:
    """Return the trading days from `first` to `last`, both included, holidays left out."""
    hours = market_hours(calendar)
    days = (first + timedelta(days=i) for i in range((last - first).days + 1))
    return [
        d
        for d in days
        if (hours.weekends or d.isoweekday() <= 5)  # noqa: PLR2004 (Friday)
        and d not in _dates(calendar, d.year)
    ]


def windows(calendar: str, first: date, last: date) -> tuple[list[date], np.ndarray]:
    """Return trading days and their [open, close) as int64 epoch seconds, shape (n, 2)."""
    hours = market_hours(calendar)
    days = trading_days(calendar, first, last)
    ends = [
        hours.early_end if d in _dates(calendar, d.year, early=True) else hours.end for d in days
    ]
    midnight = np.array(days, dtype="datetime64[s]").astype("int64")
    local = np.column_stack(
        [midnight + hours.start * 60, midnight + np.array(ends, dtype="int64") * 60]
    )
    return days, _to_utc(local.ravel(), hours.zone).reshape(-1, 2)


def expected_opens(
    calendar: str, timeframe: Timeframe, start: datetime, end: datetime
) -> np.ndarray:
    """Return the open times of the bars that should exist with start <= open < end.

    Returns
    -------
    int64 epoch seconds, sorted and unique. Bins lie as `clean.resample` lays them.
    """
    return expected_by_day(calendar, timeframe, start, end)[0]


def expected_by_day(
    calendar: str, timeframe: Timeframe, start: datetime, end: datetime
) -> tuple[np.ndarray, np.ndarray, list[date]]:
    """Return the expected opens, for each its trading day's number, and the trading days."""
    lower, upper = (int(t.timestamp()) for t in (start, end))
    around = timedelta(days=2)
    days, spans = windows(calendar, (start - around).date(), (end + around).date())
    step = min(timeframe.minutes, Timeframe.H1.minutes) * 60
    opens: list[np.ndarray] = [np.empty(0, dtype="int64")]
    number: list[np.ndarray] = [np.empty(0, dtype="int64")]
    for i, (a, b) in enumerate(spans.tolist()):
        if b > lower - DAY and a < upper + DAY:
            opens.append(np.arange(a - a % step, b, step, dtype="int64"))
            number.append(np.full(len(opens[-1]), i, dtype="int64"))
    grid = bin_opens(np.concatenate(opens), timeframe)
    where = np.flatnonzero(np.diff(grid, prepend=grid[:1] - 1) > 0)  # days come in order
    unique = grid[where]
    inside = (unique >= lower) & (unique < upper)
    return unique[inside], np.concatenate(number)[where][inside], days


@lru_cache(maxsize=256)
def _dates(calendar: str, year: int, *, early: bool = False) -> frozenset[date]:
    hours = market_hours(calendar)
    rules = hours.early if early else hours.holidays
    first, last = pd.Timestamp(year, 1, 1), pd.Timestamp(year, 12, 31)
    return frozenset(day.date() for rule in rules for day in rule.dates(first, last))


def _to_utc(wall: np.ndarray, zone: str) -> np.ndarray:
    naive = pd.DatetimeIndex(wall.astype("datetime64[s]"))
    local = naive.tz_localize(
        zone, ambiguous=np.ones(len(naive), bool), nonexistent="shift_forward"
    )
    return epoch_seconds(local.tz_convert("UTC"))
