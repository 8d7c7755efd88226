"""The trigger's bars and the tools' results as arrays, and local windows as ranges of bars."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.detectors.base import bar_times
from pipeline.domain.bars import BarTable, float_column
from pipeline.domain.costs import spread_prices
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.detecting import Frames, Output, aligned, effective_timeframe
from pipeline.setups.model import SetupSpec, clock_time
from pipeline.setups.news import NewsTape, own_currencies

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def utc_from_micros(micros: int) -> datetime:
    """Return the instant `micros` microseconds after 1970, tz-aware in UTC."""
    return _EPOCH + int(micros) * _MICRO


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

    def instant(self, day: date, clock: str, zone: str | None = None) -> datetime:
        """Return HH:MM of a local day as UTC; in the setup's zone unless another is given."""
        local = datetime.combine(day, clock_time(clock), ZoneInfo(zone or self.zone))
        return local.astimezone(UTC)

    def day_end(self, day: date) -> datetime:
        """Return the midnight that ends a local day as UTC."""
        midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self.zone))
        return midnight.astimezone(UTC)

    def first_closing_on(self, day: date) -> int:
        """Return the first bar that closes after the midnight that begins a local day."""
        midnight = datetime.combine(day, time(), ZoneInfo(self.zone))
        return int(self.closed.searchsorted(int(midnight.timestamp()) * 1_000_000, side="right"))

    def day_span(self, day: date) -> tuple[int, int]:
        """Return the first and last bar of a local day; first > last if it has none."""
        key = (day, self.zone)
        if key not in self._spans:
            start, end = (datetime.combine(d, time()) for d in (day, day + timedelta(days=1)))
            self._spans[key] = self._span(start, end, self.zone)
        return self._spans[key]

    def window_span(self, day: date, start: str, end: str, zone: str | None) -> tuple[int, int]:
        """Return the first and last bar that lie wholly inside a window of a local day."""
        key = (day, start, end, zone or self.zone)
        if key not in self._spans:
            since, until = (datetime.combine(day, clock_time(clock)) for clock in (start, end))
            self._spans[key] = self._span(since, until, zone or self.zone)
        return self._spans[key]

    def _span(self, start: datetime, end: datetime, zone: str) -> tuple[int, int]:
        """Return the first and last bar between two readings of a zone's wall clock."""
        since, until = (
            int(wall.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1_000_000)
            for wall in (start, end)
        )
        first = self.opened.searchsorted(since)
        return int(first), int(self.closed.searchsorted(until, side="right")) - 1


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
    series = {n: f for n, f in known.items() if isinstance(f, np.ndarray)}
    events = {n: f for n, f in known.items() if isinstance(f, Events)}
    spread = spread_prices(bars, instrument, spread_points)
    calendar = NewsTape(news, own_currencies(instrument))
    return laid_out(bars, (series, events), spec.zone, trigger, instrument, spread, calendar)


def laid_out(
    bars: BarTable,
    known: tuple[Mapping[str, np.ndarray], Mapping[str, Events]],
    zone: str,
    trigger: Timeframe,
    instrument: Instrument,
    spread: np.ndarray,
    news: NewsTape,
) -> Tape:
    """Return the tape of series and events that are aligned with the trigger's bars."""
    return Tape(
        trigger=trigger,
        zone=zone,
        opened=bar_times(bars, "open_time").view("int64"),
        closed=bar_times(bars, "close_time").view("int64"),
        high=float_column(bars, "high"),
        low=float_column(bars, "low"),
        close=float_column(bars, "close"),
        spread=spread,
        tick=instrument.tick_size,
        series=known[0],
        events=known[1],
        news=news,
    )
