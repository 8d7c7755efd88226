"""The newest closed bars in memory, by timeframe: what live scanning reads instead of a store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
import pandas as pd

from pipeline.data.clean import VALUES, bin_opens, binned_values, frame_of
from pipeline.domain.bars import BarColumns, epoch_seconds
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe

_LONG_AGO = np.iinfo(np.int64).min // 2
_NO_TIMES = np.empty(0, dtype="int64")
_NO_VALUES = np.empty((0, len(VALUES)))


@dataclass(frozen=True)
class BarRows:
    """Bars as two arrays: what a buffer holds, and what goes cheaply from process to process.

    Parameters
    ----------
    opened
        int64, epoch seconds of each bar's open.
    values
        float64 of shape (n, 6): the columns that `clean.VALUES` names.
    """

    opened: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, bars: pd.DataFrame) -> Self:
        """Return the rows of a bar frame."""
        values = [bars[name].to_numpy(dtype="float64") for name in VALUES]
        return cls(epoch_seconds(bars["open_time"]), np.column_stack(values))

    def __len__(self) -> int:
        return len(self.opened)

    def __iter__(self) -> Iterator[Self]:
        """Yield the bars one by one."""
        return (self[i : i + 1] for i in range(len(self)))

    def __getitem__(self, part: slice) -> Self:
        return type(self)(self.opened[part], self.values[part])


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

    A bin whose last minutes have no base bar shows only when the next base bar comes, or when
    `tick` says that its time is over. Base bars that come for it after that still count: it is
    made anew, and its timeframe is named again among those that gained a bar.

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
        self._clock = _LONG_AGO

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """The timeframes held, shortest first."""
        return tuple(sorted(self._rows, key=lambda t: t.minutes))

    @property
    def next_close(self) -> datetime | None:
        """When the first of the open bins will be over (UTC); None: no bin is open."""
        ends = [open_bin.end for open_bin in self._bins.values() if open_bin.end is not None]
        return datetime.fromtimestamp(min(ends), UTC) if ends else None

    @property
    def rows_held(self) -> int:
        """Bars in memory, of all timeframes and open bins."""
        rows = sum(len(rows) for rows in self._rows.values())
        return rows + sum(len(open_bin) for open_bin in self._bins.values())

    def append(self, bars: pd.DataFrame | BarRows) -> tuple[Timeframe, ...]:
        """Take closed base bars, one or many, in order; return the timeframes that gained a bar.

        Raises
        ------
        BadBarsError
            A bar is not newer than the last one held; nothing was taken.
        """
        rows = bars if isinstance(bars, BarRows) else BarRows.of(bars)
        if not len(rows):
            return ()
        self.check(rows)
        self._rows[self.base].add(rows.opened, rows.values)
        closes = int(rows.opened[-1]) + self.base.minutes * 60
        return (self.base, *self._closed(closes, rows.opened, rows.values))

    def check(self, rows: BarRows) -> None:
        """Raise BadBarsError unless each bar is newer than the one before it and those held."""
        if (np.diff(rows.opened, prepend=self._rows[self.base].last_open) <= 0).any():
            first = datetime.fromtimestamp(rows.opened[0], UTC)
            raise BadBarsError(f"bars up to {first} are held already")

    def tick(self, until: datetime) -> tuple[Timeframe, ...]:
        """Close the bins that are over at `until` by the clock; return the timeframes that grew.

        Only bins with a base bar show, so ticking makes no bar that `clean.resample` would not
        make of the same base bars once a later one has come: it shows them sooner.
        """
        return self._closed(int(until.timestamp()), _NO_TIMES, _NO_VALUES)

    def _closed(self, now: int, opened: np.ndarray, values: np.ndarray) -> tuple[Timeframe, ...]:
        """Give base bars to the open bins; move the bins that are over by now to the rows."""
        self._clock = max(self._clock, now)
        grown = []
        for timeframe, open_bin in self._bins.items():
            done_opens, done = open_bin.take(self._clock, opened, values)
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

    def columns(self, timeframe: Timeframe, depth: int | None = None) -> BarColumns:
        """Return the same bars as columns, which are not copied: read them before the next bar."""
        return self._rows[timeframe].columns(depth)


class _Rows:
    """The last rows of one timeframe: two arrays that are cut when twice as long as wanted."""

    def __init__(self, timeframe: Timeframe, depth: int) -> None:
        self._timeframe = timeframe
        self._depth = depth
        self._size = 0
        self._opened = np.empty(2 * depth, dtype="int64")
        self._values = np.empty((len(VALUES), 2 * depth))

    def __len__(self) -> int:
        return self._size

    @property
    def last_open(self) -> int:
        """Epoch seconds of the newest bar's open; long ago if there is none."""
        return int(self._opened[self._size - 1]) if self._size else _LONG_AGO

    def add(self, opened: np.ndarray, values: np.ndarray) -> None:
        """Put rows behind the others, for those that are not older; the oldest fall out."""
        while self._size and self._opened[self._size - 1] >= opened[0]:
            self._size -= 1
        opened, values = opened[-self._depth :], values[-self._depth :]
        new = len(opened)
        if self._size + new > len(self._opened):
            kept = slice(self._size - (self._depth - new), self._size)
            self._size = self._depth - new
            self._opened[: self._size] = self._opened[kept].copy()
            self._values[:, : self._size] = self._values[:, kept].copy()
        self._opened[self._size : self._size + new] = opened
        self._values[:, self._size : self._size + new] = values.T
        self._size += new

    def frame(self, depth: int | None) -> pd.DataFrame:
        kept = self._kept(depth)
        return frame_of(self._opened[kept], self._values[:, kept].T, self._timeframe)

    def columns(self, depth: int | None) -> BarColumns:
        kept = self._kept(depth)
        opened = self._opened[kept] * 1_000_000
        closed = opened + self._timeframe.minutes * 60_000_000
        times = {"open_time": opened.view("M8[us]"), "close_time": closed.view("M8[us]")}
        return BarColumns(times | dict(zip(VALUES, self._values[:, kept], strict=True)))

    def _kept(self, depth: int | None) -> slice:
        wanted = self._depth if depth is None else min(depth, self._depth)
        return slice(max(self._size - wanted, 0), self._size)


class _OpenBin:
    """The base bars of longer bars that are not over yet, or that the clock alone has closed."""

    def __init__(self, base: Timeframe, timeframe: Timeframe) -> None:
        self._base_length = base.minutes * 60
        self._length = timeframe.minutes * 60
        self._timeframe = timeframe
        self._told = _LONG_AGO
        self._opened: list[np.ndarray] = []
        self._values: list[np.ndarray] = []
        self.end: int | None = None
        """When the first bin that was not given yet is over; None: there is none."""

    def __len__(self) -> int:
        return sum(len(opened) for opened in self._opened)

    def take(
        self, until: int, opened: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add base bars; return the opens and values of the longer bars that are over `until`.

        Each is given once, and again if base bars came for it after that.
        """
        late = len(opened) > 0 and int(opened[0]) < self._told
        if len(opened):
            self._opened.append(opened)
            self._values.append(values)
            if self.end is None:
                self.end = int(bin_opens(opened[:1], self._timeframe)[0]) + self._length
        if not late and (self.end is None or until < self.end):
            return _NO_TIMES, _NO_VALUES
        return self._over(until, opened[:1] if late else None)

    def _over(self, until: int, changed_from: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        opened, values = np.concatenate(self._opened), np.concatenate(self._values)
        bins, binned = binned_values(opened, values, self._timeframe)
        ends = bins + self._length
        told, self._told = self._told, until
        given = (ends <= until) & (ends > told)
        if changed_from is not None:
            given |= (ends <= until) & (bins >= bin_opens(changed_from, self._timeframe)[0])
        waiting = ends[ends > until]
        self.end = int(waiting[0]) if len(waiting) else None
        # A bin that only the clock has closed may still get a base bar that comes late.
        may_grow = bins[ends > int(opened[-1]) + self._base_length]
        kept = np.searchsorted(opened, may_grow[0]) if len(may_grow) else len(opened)
        # Copies: a view would keep all the bars of a seed in memory.
        self._opened, self._values = [opened[kept:].copy()], [values[kept:].copy()]
        return bins[given], binned[given]
