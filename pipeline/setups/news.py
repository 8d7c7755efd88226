"""The news calendar beside the tape: whether a moment is free of news."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.domain.market import Instrument
from pipeline.domain.news import news_reach
from pipeline.setups.conditions import NewsFree

NO_CALENDAR = "no news calendar for that time"
_MINUTE = 60_000_000
_PAIR = 6


@dataclass(frozen=True)
class NewsTape:
    """A news frame as arrays, with the currencies that concern the symbol; None: no calendar."""

    frame: pd.DataFrame | None
    own: tuple[str, ...]
    _found: dict[NewsFree, np.ndarray] = field(default_factory=dict)

    def knows(self, rule: NewsFree, at: int) -> bool:
        """Return whether the calendar reaches over all that the rule asks at an instant (µs)."""
        reach = None if self.frame is None else news_reach(self.frame)
        if reach is None:
            return False
        first, last = (_micros(moment) for moment in reach)
        after, before = rule.minutes_after * _MINUTE, rule.minutes_before * _MINUTE
        return first <= at - after and at + before <= last

    def nearest(self, rule: NewsFree, at: int) -> tuple[float, str] | None:
        """Return minutes from an instant (µs) to the nearest item that counts, and its name.

        Positive minutes lie ahead. None: no such item.
        """
        rows = self._rows(rule)
        if self.frame is None or len(rows) == 0:
            return None
        times = self._times()[rows]
        row = int(rows[np.argmin(np.abs(times - at))])
        item = self.frame.iloc[row]
        away = (int(self._times()[row]) - at) / _MINUTE
        return away, f"{item['currency']} {item['title']}".strip()

    def is_free(self, rule: NewsFree, at: int) -> bool:
        """Return whether no item that counts is near an instant (µs); unknown is not free."""
        if not self.knows(rule, at):
            return False
        times = self._times()[self._rows(rule)]
        # Too near: from `before` ahead of an item (included) to `after` behind it (excluded).
        first = np.searchsorted(times, at - rule.minutes_after * _MINUTE, side="right")
        behind = np.searchsorted(times, at + rule.minutes_before * _MINUTE, side="right")
        return bool(first == behind)

    def _times(self) -> np.ndarray:
        assert self.frame is not None  # noqa: S101 - asked only where there is one
        return np.asarray(pd.DatetimeIndex(self.frame["time"]).as_unit("us").asi8)

    def _rows(self, rule: NewsFree) -> np.ndarray:
        if self.frame is None:
            return np.empty(0, dtype="int64")
        if rule not in self._found:
            wanted = [c.upper() for c in rule.currencies] or list(self.own)
            counts = self.frame["impact"].isin(rule.impacts) & self.frame["currency"].isin(wanted)
            self._found[rule] = np.flatnonzero(counts)
        return self._found[rule]


def own_currencies(instrument: Instrument) -> tuple[str, ...]:
    """Return the currencies whose news concern a symbol: both of a pair, else what it pays in."""
    symbol = instrument.symbol.upper()
    if instrument.calendar == "fx" and len(symbol) == _PAIR and symbol.isalpha():
        return symbol[:3], symbol[3:]
    return (instrument.currency,)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
