"""Trading days by the roll at 17:00 New York: their windows, dates and bars."""

from dataclasses import dataclass
from datetime import time

import numpy as np

from pipeline.detectors.windows import LocalWindows, local_windows
from pipeline.domain.bars import BarTable, bar_seconds
from pipeline.domain.market import Instrument

ROLL_ZONE, ROLL = "America/New_York", time(17)
"""Where the FX day ends, and where H4 and D1 bars begin."""

WEEK = 7
SATURDAY = 5
THURSDAY = 3
"""1 January 1970 was one; Monday is 0."""

ALWAYS_OPEN = "crypto"
"""The calendar whose weekends are trading days too."""


@dataclass(frozen=True)
class TradingDays:
    """One trading day for each calendar day around some bars, oldest first.

    `label` is the date a day ends on, as days since 1970, and `weekday` that date's; `first`
    and `behind` are the rows of its bars, [first, behind).
    """

    windows: LocalWindows
    label: np.ndarray
    weekday: np.ndarray
    first: np.ndarray
    behind: np.ndarray

    def traded(self, instrument: Instrument) -> np.ndarray:
        """Return the rows of the days on which a symbol trades."""
        return np.flatnonzero(is_traded(self.label, instrument))

    def weeks(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of days [first, behind) of each week; the outer ones may be cut."""
        begins = self.weekday == 0
        begins[:1] = True
        first = np.flatnonzero(begins)
        return first, np.append(first[1:], len(self.label))[: len(first)]


def trading_days(bars: BarTable) -> TradingDays:
    """Return the trading days that the bars may touch, from 17:00 to 17:00 New York."""
    windows = local_windows(bars, ROLL_ZONE, ROLL, ROLL)
    opened = bar_seconds(bars, "open_time")
    label = windows.day.astype("int64") + 1
    first, behind = np.searchsorted(opened, windows.start), np.searchsorted(opened, windows.end)
    return TradingDays(windows, label, _weekday(label), first, behind)


def is_traded(days: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Return for each date (days since 1970) whether a symbol trades: weekdays; crypto: always."""
    return (_weekday(days) < SATURDAY) | (instrument.calendar == ALWAYS_OPEN)


def _weekday(days: np.ndarray) -> np.ndarray:
    return np.asarray((days + THURSDAY) % WEEK)


def iso_dates(days: np.ndarray) -> np.ndarray:
    """Return days since 1970 as ISO dates."""
    return np.asarray(np.datetime_as_string(days.astype("datetime64[D]")))
