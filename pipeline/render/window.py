"""Which bars a picture shows: the whole story, coarser bars where it is long."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipeline.domain.bars import PRICES, epoch_seconds
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Timeframe

MOST_BARS = 120  # above this a phone shows no single bar any more
FEWEST_BARS = 80  # what is left of the context where some of it is too far off
LADDER = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 240, 480, 1440)


@dataclass(frozen=True, slots=True)
class Window:
    """The bars of one picture.

    `prices` is (n, 4): open, high, low, close. `times` are the n open times, epoch seconds, and
    behind them those of the empty slots to the right.
    """

    times: tuple[int, ...]
    prices: np.ndarray
    minutes: int

    @property
    def bars(self) -> int:
        """How many slots have a bar."""
        return len(self.prices)


def bar_words(timeframe: Timeframe, minutes: int) -> str:
    """Return the timeframe as the header names it: `M1`, or `M1 shown as M3`."""
    if minutes == timeframe.minutes:
        return timeframe.value
    shown = f"H{minutes // 60}" if minutes % 60 == 0 else f"M{minutes}"
    return f"{timeframe.value} shown as {'D1' if minutes == Timeframe.D1.minutes else shown}"


def choose_window(
    bars: pd.DataFrame,
    timeframe: Timeframe,
    story: tuple[datetime, datetime],
    wanted: int,
    ahead: float = 0.06,
) -> Window:
    """Cut the bars that tell the story out of a frame of any length.

    Parameters
    ----------
    story
        The first and last moment that must be seen.
    wanted
        Number of bars if the story is shorter than that; it grows to `MOST_BARS` for a longer
        one. Beyond, bars are joined to a longer timeframe until at most that many are left.
    ahead
        Empty room at the right as a share of the bars.

    Raises
    ------
    NoBarsError
        The frame has no bars.
    """
    if bars.empty:
        raise NoBarsError("There are no bars to draw.")
    opened = epoch_seconds(bars["open_time"])
    first, last = (_row(opened, moment) for moment in story)
    room = max(4, (last - first) // 14)
    low, high = first - room, last + room + 1
    spare = max(0, wanted - (high - low))
    low, high = low - (2 * spare) // 3, high + spare - (2 * spare) // 3
    # Where the frame ends before the window does, more is shown at the other end.
    if low < 0:
        high += min(-low, spare)
    if high > len(bars):
        low -= min(high - len(bars), spare)
    low, high = max(low, 0), min(high, len(bars))
    low, high = _calm(bars, (low, high), (max(first - room, 0), last + room + 1))
    part = bars.iloc[low:high]
    minutes = _fitting(opened[low:high], timeframe.minutes)
    times, prices = _join(opened[low:high], part[list(PRICES)].to_numpy(), minutes)
    step, blank = minutes * 60, max(4, round(ahead * len(times)))
    coming = [int(times[-1]) + step * (i + 1) for i in range(blank)]
    return Window((*times.tolist(), *coming), prices, minutes)


def _calm(bars: pd.DataFrame, shown: tuple[int, int], needed: tuple[int, int]) -> tuple[int, int]:
    """Return the rows shown without context so far off that it would press the story flat.

    Context may reach half the story's height beyond it, as long as enough bars are left.
    """
    low, high = shown
    first, last = needed[0], min(needed[1], high)
    highs, lows = bars["high"].to_numpy()[low:high], bars["low"].to_numpy()[low:high]
    top, bottom = highs[first - low : last - low].max(), lows[first - low : last - low].min()
    room = 0.5 * (top - bottom)
    wild = low + np.flatnonzero((highs > top + room) | (lows < bottom - room))
    after = wild[wild >= last]
    end = int(after[0]) if len(after) else high
    before = wild[wild < first]
    start = int(before[-1]) + 1 if len(before) else low
    if end - start < FEWEST_BARS:
        end = min(high, max(end, last + FEWEST_BARS // 4))
        start = max(low, min(start, end - FEWEST_BARS))
        end = min(high, max(end, start + FEWEST_BARS))
    return start, end


def _row(opened: np.ndarray, moment: datetime) -> int:
    row = int(np.searchsorted(opened, moment.timestamp(), side="right")) - 1
    return min(max(row, 0), len(opened) - 1)


def _fitting(opened: np.ndarray, minutes: int) -> int:
    """Return the shortest bar length, of the ladder, that leaves few enough bars."""
    if len(opened) <= MOST_BARS:
        return minutes
    for longer in LADDER:
        if longer % minutes == 0 and len(np.unique(opened // (longer * 60))) <= MOST_BARS:
            return longer
    return LADDER[-1]


def _join(opened: np.ndarray, prices: np.ndarray, minutes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times and prices of bars joined into bins of `minutes`, aligned to UTC."""
    bins = opened // (minutes * 60)
    starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
    ends = np.append(starts[1:], len(bins)) - 1
    joined = np.column_stack(
        [
            prices[starts, 0],
            np.maximum.reduceat(prices[:, 1], starts),
            np.minimum.reduceat(prices[:, 2], starts),
            prices[ends, 3],
        ]
    )
    times = opened[starts] if len(starts) == len(bins) else bins[starts] * minutes * 60
    return times, joined


def local(moment: datetime | float, zone: str) -> pd.Timestamp:
    """Return a moment as the wall clock of a zone shows it."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return pd.Timestamp(moment).tz_convert(zone)
