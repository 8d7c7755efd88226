"""The bars that features look back on: how many of which timeframe, and how to get them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

import numpy as np
import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.bars import COLUMNS, BarColumns, BarTable
from pipeline.domain.market import Timeframe

TRIGGER: Literal["trigger"] = "trigger"
WINDOWS: dict[Timeframe | Literal["trigger"], int] = {
    TRIGGER: 241,
    Timeframe.M15: 193,
    Timeframe.H1: 201,
    Timeframe.H4: 61,
}
"""Closed bars that features need, by timeframe. The oldest one only says that those behind it are
whole, and where the first of them began: a longer bar at the start of the data may be cut."""


def windows_for(trigger: Timeframe) -> dict[Timeframe, int]:
    """Return how many bars features of a signal on `trigger` need, shortest timeframe first.

    Notes
    -----
    Timeframes shorter than the trigger are left out: a backtest may hold none of them.
    """
    found = {trigger: WINDOWS[TRIGGER]}
    for timeframe, bars in WINDOWS.items():
        if timeframe != TRIGGER and timeframe.minutes >= trigger.minutes:
            found[timeframe] = max(found.get(timeframe, 0), bars)
    return dict(sorted(found.items(), key=lambda one: one[0].minutes))


def m1_bars_for(trigger: Timeframe) -> int:
    """Return how many M1 bars hold the windows of a trigger, in a market that never rests."""
    return max(t.minutes * bars for t, bars in windows_for(trigger).items())


@dataclass(frozen=True)
class Tail:
    """The last bars closed by a moment, exactly as many as were asked for; times in seconds."""

    opened: np.ndarray
    closed: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray

    def __len__(self) -> int:
        return len(self.close)

    def last(self, bars: int) -> "Tail":
        """Return the newest of them."""
        return self._cut(slice(len(self) - bars, None))

    def between(self, start: int, end: int) -> "Tail":
        """Return those that lie within [start, end), epoch seconds."""
        first = int(np.searchsorted(self.opened, start))
        return self._cut(slice(first, int(np.searchsorted(self.closed, end, side="right"))))

    def followed_by(self, shorter: "Tail") -> "Tail":
        """Return these bars and those of a shorter timeframe that begin where they end."""
        rest = shorter.between(int(self.closed[-1]), int(shorter.closed[-1]))
        columns = zip(self.columns, rest.columns, strict=True)
        return Tail(*(np.concatenate(pair) for pair in columns))

    def _cut(self, part: slice) -> "Tail":
        return Tail(*(column[part] for column in self.columns))

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """Times and prices, in the order of the fields."""
        return self.opened, self.closed, self.open, self.high, self.low, self.close


def tail_of(bars: BarTable | None, known_at: datetime, length: int) -> Tail | None:
    """Return the last `length` bars closed by `known_at`; None: there are not as many."""
    if bars is None or len(bars) < length:
        return None
    columns = BarColumns.of(bars)
    behind = int(
        np.searchsorted(columns.seconds("close_time"), int(known_at.timestamp()), "right")
    )
    if behind < length:
        return None
    part = slice(behind - length, behind)
    times = (columns.seconds(name)[part] for name in ("open_time", "close_time"))
    return Tail(*times, *(columns[name][part] for name in ("open", "high", "low", "close")))


class FeatureBars:
    """What features look back on, at any moment of a long stretch of bars: made once for all.

    Parameters
    ----------
    frames
        Bar frames by timeframe, of the same market and the same stretch.
    """

    def __init__(self, frames: Mapping[Timeframe, BarTable]) -> None:
        self._frames = {t: BarColumns.of(bars) for t, bars in frames.items()}

    @classmethod
    def of(cls, bars: pd.DataFrame, trigger: Timeframe, until: datetime | None = None) -> Self:
        """Make the frames that a trigger's features need of bars of it, or of a shorter timeframe.

        Parameters
        ----------
        bars
            May be empty: then nothing is at hand at any moment.
        until
            As in `resample`: longer bars that are over by then are there too.
        """
        if bars.empty:
            return cls({})
        base = timeframe_of(bars)
        return cls({t: resample(bars, base, t, until) for t in windows_for(trigger)})

    def at(self, known_at: datetime) -> dict[Timeframe, BarColumns]:
        """Return the newest bars closed by a moment, of each timeframe; not copied."""
        return {t: _closed_by(bars, known_at, t) for t, bars in self._frames.items()}


def _closed_by(bars: BarColumns, known_at: datetime, timeframe: Timeframe) -> BarColumns:
    closed = bars.seconds("close_time")
    behind = int(np.searchsorted(closed, int(known_at.timestamp()), side="right"))
    wanted = max(WINDOWS[TRIGGER], WINDOWS.get(timeframe, 0))
    part = slice(max(behind - wanted, 0), behind)
    return BarColumns({name: bars[name][part] for name in COLUMNS})


def timeframe_of(bars: pd.DataFrame) -> Timeframe:
    """Return the timeframe of a bar frame that holds at least one bar."""
    length = bars["close_time"].iloc[0] - bars["open_time"].iloc[0]
    return next(t for t in Timeframe if t.delta == length)


def frames_at(
    base_bars: pd.DataFrame, tf: Timeframe, known_at: datetime
) -> dict[Timeframe, BarColumns]:
    """Return the frames of one signal on `tf`, made of bars of it or of a shorter timeframe.

    For many signals of one stretch make `FeatureBars` once: this goes through all bars each time.
    """
    known = base_bars[base_bars["close_time"] <= known_at]
    return FeatureBars.of(known, tf, known_at).at(known_at)
