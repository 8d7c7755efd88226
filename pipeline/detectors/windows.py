"""Windows of local wall clock as UTC, day by day, and lengths of time in bars."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numba import njit

from pipeline.data.zones import wall_clock
from pipeline.domain.bars import BarTable, bar_seconds, epoch_seconds
from pipeline.domain.market import Timeframe

DAY_MINUTES = 24 * 60
DST_SLACK = 60
"""Minutes by which a window across a change of clocks is longer than the wall says."""


@dataclass(frozen=True)
class LocalWindows:
    """One window of local wall clock per calendar day, as UTC; its arrays are read-only.

    `day` is datetime64[D], the local date the window starts on, `iso_day` the same as text;
    `start` and `end` are int64 seconds since 1970 UTC, [start, end).
    """

    day: np.ndarray
    iso_day: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __post_init__(self) -> None:
        for values in (self.day, self.iso_day, self.start, self.end):
            values.flags.writeable = False


def local_windows(bars: BarTable, zone: str, start: time, end: time) -> LocalWindows:
    """Return the windows [start, end) of every local day that the bars may touch.

    Days run from the day before the first bar to the day after the last: windows over midnight
    (end <= start; they belong to their start date) are never cut at the frame's edge.

    Notes
    -----
    Each day is converted by its own UTC offset: windows follow the clock on the wall through
    DST changes. A wall time that doesn't exist moves forward, one that exists twice is the
    first of the two.
    """
    if len(bars) == 0:
        day, nothing = np.empty(0, dtype="datetime64[D]"), np.empty(0, dtype="int64")
        return LocalWindows(day, day.astype("<U10"), nothing, nothing)
    first = _local_date(bar_seconds(bars, "open_time")[0], zone)
    last = _local_date(bar_seconds(bars, "close_time")[-1], zone)
    return _windows(zone, start, end, first, last)


def _local_date(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).date()


@lru_cache(
    maxsize=512
)  # all detectors of a run, and all symbols scanned live, ask for the same days
def _windows(zone: str, start: time, end: time, first: date, last: date) -> LocalWindows:
    one, over_midnight = timedelta(days=1), timedelta(days=1 if end <= start else 0)
    days = pd.date_range(first - one, last + one, freq="D")
    day = days.to_numpy().astype("datetime64[D]")
    return LocalWindows(
        day,
        np.datetime_as_string(day),
        _utc_seconds(days + _since_midnight(start), zone),
        _utc_seconds(days + _since_midnight(end) + over_midnight, zone),
    )


def _since_midnight(wall: time) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second)


def _utc_seconds(wall: pd.DatetimeIndex, zone: str) -> np.ndarray:
    first_of_two = np.ones(len(wall), dtype=np.bool_)
    local = wall.tz_localize(zone, ambiguous=first_of_two, nonexistent="shift_forward")
    return epoch_seconds(local)


def window_minutes(start: time, end: time) -> int:
    """Return a window's length by the clock on the wall, in minutes."""
    length = (_since_midnight(end) - _since_midnight(start)) // timedelta(minutes=1)
    return length if length > 0 else length + DAY_MINUTES


def bars_in(minutes: float, timeframe: Timeframe) -> int:
    """Return how many bars of the timeframe `minutes` can hold at most."""
    return ceil(minutes / timeframe.minutes)


def iso_days(seconds: np.ndarray, zone: str) -> np.ndarray:
    """Return the ISO dates that a zone's wall shows at int64 seconds since 1970 UTC."""
    days = wall_clock(seconds, zone) // (DAY_MINUTES * 60)
    return np.datetime_as_string(days.astype("datetime64[D]"))


def utc_times(seconds: np.ndarray) -> np.ndarray:
    """Return int64 seconds since 1970 UTC as datetime64[us]."""
    return seconds.astype("datetime64[s]").astype("datetime64[us]")


@njit(cache=True)
def window_extremes(
    high: np.ndarray, low: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest high and lowest low of each row range [first, last); NaN if empty."""
    top = np.full(len(first), np.nan)
    bottom = np.full(len(first), np.nan)
    for w in range(len(first)):
        if last[w] > first[w]:
            top[w] = high[first[w] : last[w]].max()
            bottom[w] = low[first[w] : last[w]].min()
    return top, bottom
