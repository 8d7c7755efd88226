"""The trigger's bars and the tools' results as arrays, and local windows as ranges of bars."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.costs import spread_prices
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.detecting import Frames, Output, aligned, effective_timeframe
from pipeline.setups.model import SetupSpec, clock_time
from pipeline.setups.news import NewsTape, own_currencies

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def utc_from_micros(micros: int) -> datetime:
    """Return the instant `micros` microseconds after 1970, tz-aware in UTC."""
    return _EPOCH + int(micros) * _MICRO


class Events:
    """An event frame counted in the trigger's bars, split by word for quick look-up."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._arrays: dict[str, np.ndarray] = {}
        self._rows: dict[tuple[tuple[str, ...], int | None], np.ndarray] = {}
        self.names = tuple(frame.columns)
        self.bar = frame["bar"].to_numpy()
        self.side = frame["side"].to_numpy()

    def column(self, name: str) -> np.ndarray:
        """Return a column; times as int64 microseconds, text as objects."""
        if name not in self._arrays:
            values = self._frame[name]
            if self.is_time(name):
                self._arrays[name] = pd.DatetimeIndex(values).as_unit("us").asi8
            else:
                kind = None if values.dtype.kind in "if" else object
                self._arrays[name] = values.to_numpy(dtype=kind)
        return self._arrays[name]

    def is_time(self, name: str) -> bool:
        """Return whether a column holds instants."""
        return name in self._times

    @cached_property
    def _times(self) -> frozenset[str]:
        kinds = self._frame.dtypes.items()
        return frozenset(str(n) for n, kind in kinds if isinstance(kind, pd.DatetimeTZDtype))

    @cached_property
    def _codes(self) -> tuple[np.ndarray, list[str]]:
        codes, words = pd.factorize(self._frame["event"])
        return np.asarray(codes), [str(w) for w in words]

    @property
    def words(self) -> tuple[str, ...]:
        """The events there are."""
        return tuple(self._codes[1])

    def rows(self, words: tuple[str, ...], side: int | None = None) -> np.ndarray:
        """Return the rows of these events (and side), in the order they were known."""
        key = (words, side)
        if key not in self._rows:
            codes, known = self._codes
            fits = np.isin(codes, [known.index(w) for w in words if w in known])
            if side is not None:
                fits &= self.side == side
            self._rows[key] = np.flatnonzero(fits)
        return self._rows[key]

    def between(
        self, words: tuple[str, ...], side: int | None, first: int, last: int
    ) -> np.ndarray:
        """Return the rows known on bars first … last, both included."""
        rows = self.rows(words, side)
        bars = self.bar[rows]
        return rows[np.searchsorted(bars, first) : np.searchsorted(bars, last, side="right")]


@dataclass(frozen=True)
class Tape:
    """What the steps read: prices and times by bar, series, events. Nothing here is changed."""

    trigger: Timeframe
    zone: str
    opened: np.ndarray
    closed: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    spread: np.ndarray
    tick: float
    series: Mapping[str, np.ndarray]
    events: Mapping[str, Events]
    news: NewsTape
    _spans: dict[Any, tuple[int, int]] = field(default_factory=dict)

    def local_day(self, micros: int) -> date:
        """Return the date in the setup's zone of the moment before an instant."""
        return (utc_from_micros(micros - 1)).astimezone(ZoneInfo(self.zone)).date()

    def instant(self, day: date, clock: str) -> datetime:
        """Return HH:MM of a local day in the setup's zone as UTC."""
        local = datetime.combine(day, clock_time(clock), ZoneInfo(self.zone))
        return local.astimezone(UTC)

    def day_span(self, day: date) -> tuple[int, int]:
        """Return the first and last bar of a local day; first > last if it has none."""
        zone = ZoneInfo(self.zone)
        start = datetime.combine(day, time(), zone)
        return self._span(start, datetime.combine(day + timedelta(days=1), time(), zone))

    def window_span(self, day: date, start: str, end: str, zone: str | None) -> tuple[int, int]:
        """Return the first and last bar that lie wholly inside a window of a local day."""
        at = ZoneInfo(zone or self.zone)
        return self._span(
            datetime.combine(day, clock_time(start), at),
            datetime.combine(day, clock_time(end), at),
        )

    def _span(self, start: datetime, end: datetime) -> tuple[int, int]:
        key = (start.timestamp(), end.timestamp())
        if key not in self._spans:
            first = np.searchsorted(self.opened, int(key[0] * 1_000_000))
            behind = np.searchsorted(self.closed, int(key[1] * 1_000_000), side="right")
            self._spans[key] = (int(first), int(behind) - 1)
        return self._spans[key]


def tape_of(
    frames: Frames,
    tools: Mapping[str, Output],
    spec: SetupSpec,
    trigger: Timeframe,
    instrument: Instrument,
    spread_points: float | None,
    news: pd.DataFrame | None = None,
) -> Tape:
    """Lay the tools' results beside the trigger's bars."""
    bars = frames[trigger]
    known = {
        name: aligned(found, frames[effective_timeframe(spec.tools[name], trigger)], bars)
        for name, found in tools.items()
    }
    return Tape(
        trigger=trigger,
        zone=spec.zone,
        opened=np.asarray(pd.DatetimeIndex(bars["open_time"]).as_unit("us").asi8),
        closed=np.asarray(pd.DatetimeIndex(bars["close_time"]).as_unit("us").asi8),
        high=bars["high"].to_numpy(),
        low=bars["low"].to_numpy(),
        close=bars["close"].to_numpy(),
        spread=spread_prices(bars, instrument, spread_points),
        tick=instrument.tick_size,
        series={n: f for n, f in known.items() if isinstance(f, np.ndarray)},
        events={n: Events(f) for n, f in known.items() if isinstance(f, pd.DataFrame)},
        news=NewsTape(news, own_currencies(instrument)),
    )
