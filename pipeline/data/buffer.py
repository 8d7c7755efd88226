"""The newest closed bars in memory, by timeframe: what live scanning reads instead of a store."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipeline.data.clean import VALUES, binned_values, frame_of
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe


class BarBuffer:
    """Closed bars of one symbol: a base timeframe and longer ones built from it bar by bar.

    Parameters
    ----------
    base
        Timeframe of the bars that are appended.
    depths
        Bars that `frame` gives at most, by timeframe; the base is always kept.

    Notes
    -----
    The longer bars are those of `clean.resample` of everything ever appended, bit for bit: a
    bin shows once its close time is not after the last base bar's close, so each timeframe is
    read at its last *closed* bar. Where the appended bars begin inside a bin, that first bin
    holds only their part of it.

    Memory is bounded: of each timeframe at most twice its depth (and the base bars of the
    longest open bin) are held.
    """

    def __init__(self, base: Timeframe, depths: Mapping[Timeframe, int]) -> None:
        shorter = [t for t in depths if t.minutes < base.minutes]
        if shorter:
            raise BadBarsError(f"{shorter[0]} bars can't be made of {base} bars: they are shorter")
        self.base = base
        self._rows = {t: _Rows(t, max(n, 1)) for t, n in {base: 1, **depths}.items()}
        self._bins = {t: _OpenBin(base, t) for t in self._rows if t is not base}

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """The timeframes held, shortest first."""
        return tuple(sorted(self._rows, key=lambda t: t.minutes))

    @property
    def rows_held(self) -> int:
        """Bars in memory, of all timeframes and open bins."""
        rows = sum(len(rows) for rows in self._rows.values())
        return rows + sum(len(open_bin) for open_bin in self._bins.values())

    def append(self, bars: pd.DataFrame) -> tuple[Timeframe, ...]:
        """Take closed base bars, one or many, in order; return the timeframes that gained a bar.

        Raises
        ------
        BadBarsError
            A bar is not newer than the last one held; nothing was taken.
        """
        if bars.empty:
            return ()
        opened = epoch_seconds(bars["open_time"])
        base = self._rows[self.base]
        if (np.diff(opened, prepend=base.last_open) <= 0).any():
            raise BadBarsError(f"bars up to {bars['open_time'].iloc[0]} are held already")
        values = np.column_stack([bars[name].to_numpy(dtype="float64") for name in VALUES])
        base.add(opened, values)
        grown = [self.base]
        for timeframe, open_bin in self._bins.items():
            done_opens, done = open_bin.take(opened, values)
            if len(done_opens):
                self._rows[timeframe].add(done_opens, done)
                grown.append(timeframe)
        return tuple(sorted(grown, key=lambda t: t.minutes))

    def newest(self, timeframe: Timeframe) -> tuple[datetime, datetime] | None:
        """Return the open and close time (UTC) of the newest closed bar; None: there is none."""
        rows = self._rows[timeframe]
        if not len(rows):
            return None
        opened = datetime.fromtimestamp(rows.last_open, UTC)
        return opened, opened + timeframe.delta

    def frame(self, timeframe: Timeframe, depth: int | None = None) -> pd.DataFrame:
        """Return the newest closed bars as a bar frame of its own: `depth` of them at most."""
        return self._rows[timeframe].frame(depth)


class _Rows:
    """The last rows of one timeframe: two arrays that are cut when twice as long as wanted."""

    def __init__(self, timeframe: Timeframe, depth: int) -> None:
        self._timeframe = timeframe
        self._depth = depth
        self._size = 0
        self._opened = np.empty(2 * depth, dtype="int64")
        self._values = np.empty((2 * depth, len(VALUES)))

    def __len__(self) -> int:
        return self._size

    @property
    def last_open(self) -> int:
        """Epoch seconds of the newest bar's open; long ago if there is none."""
        return int(self._opened[self._size - 1]) if self._size else np.iinfo(np.int64).min // 2

    def add(self, opened: np.ndarray, values: np.ndarray) -> None:
        """Put rows behind the others; the oldest fall out."""
        opened, values = opened[-self._depth :], values[-self._depth :]
        new = len(opened)
        if self._size + new > len(self._opened):
            kept = slice(self._size - (self._depth - new), self._size)
            self._size = self._depth - new
            self._opened[: self._size] = self._opened[kept].copy()
            self._values[: self._size] = self._values[kept].copy()
        self._opened[self._size : self._size + new] = opened
        self._values[self._size : self._size + new] = values
        self._size += new

    def frame(self, depth: int | None) -> pd.DataFrame:
        wanted = self._depth if depth is None else min(depth, self._depth)
        kept = slice(max(self._size - wanted, 0), self._size)
        return frame_of(self._opened[kept], self._values[kept], self._timeframe)


class _OpenBin:
    """The base bars of a longer bar that is not over yet."""

    def __init__(self, base: Timeframe, timeframe: Timeframe) -> None:
        self._length = base.minutes * 60
        self._timeframe = timeframe
        self._end = np.iinfo(np.int64).min
        self._opened: list[np.ndarray] = []
        self._values: list[np.ndarray] = []

    def __len__(self) -> int:
        return sum(len(opened) for opened in self._opened)

    def take(self, opened: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add base bars; return the opens and values of the longer bars that are over now."""
        self._opened.append(opened)
        self._values.append(values)
        closes = int(opened[-1]) + self._length
        if closes < self._end:
            return opened[:0], values[:0]
        opened, values = np.concatenate(self._opened), np.concatenate(self._values)
        bins, binned = binned_values(opened, values, self._timeframe)
        over = bins + self._timeframe.minutes * 60 <= closes
        if over.all():  # the next bar says where the next bin lies
            self._opened, self._values, self._end = [], [], closes
        else:
            first = bins[np.argmin(over)]
            kept = np.searchsorted(opened, first)
            self._opened, self._values = [opened[kept:]], [values[kept:]]
            self._end = int(first) + self._timeframe.minutes * 60
        return bins[over], binned[over]
