"""Fifty markets for live scanning, made of one real: its weeks laid over each other, renamed."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from bench.compute import DATA
from flows.scan_desk import Assignment
from pipeline.domain.bars import PRICES, bar_frame, epoch_seconds
from pipeline.domain.market import Instrument, Timeframe
from pipeline.live.scanning import m1_bars_needed
from pipeline.setups.model import SetupSpec

SYMBOLS = 50
WEEKS = 18
START = datetime(2024, 6, 18, 6, tzinfo=UTC)
TIMEFRAMES = (Timeframe.M1, Timeframe.M5, Timeframe.M15)


@dataclass(frozen=True)
class Market:
    """One of them: a week of its own as if it were that of START, at a price level of its own."""

    bars: pd.DataFrame
    opens: np.ndarray
    instrument: Instrument
    weeks_back: int
    scale: float

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    def _moved(self, first: int, last: int) -> pd.DataFrame:
        part = self.bars[first:last]
        times = pd.DatetimeIndex(part["open_time"]) + timedelta(weeks=self.weeks_back)
        prices = part[list(PRICES)].to_numpy() * self.scale
        return bar_frame(times, Timeframe.M1, prices, part["volume"].to_numpy())

    def _row(self, moment: datetime) -> int:
        real = moment - timedelta(weeks=self.weeks_back)
        return int(np.searchsorted(self.opens, int(real.timestamp())))

    def seed(self, bars: int, until: datetime = START) -> pd.DataFrame:
        """The last bars before a moment."""
        row = self._row(until)
        return self._moved(max(row - bars, 0), row)

    def hour(self, start: datetime) -> list[pd.DataFrame]:
        """The bars of sixty minutes, one frame each; empty where nothing was traded."""
        behind = start + timedelta(hours=1)
        bars = self._moved(self._row(start), self._row(behind))
        minutes = (epoch_seconds(bars["open_time"]) - int(start.timestamp())) // 60
        places = np.searchsorted(minutes, np.arange(61))
        return [bars[i:j] for i, j in itertools.pairwise(places)]


def real_minutes() -> pd.DataFrame:
    """EURUSD M1 of half a year."""
    raw = pd.read_parquet(DATA / "eurusd_m1_histdata_2024H1.parquet")
    times = pd.DatetimeIndex(pd.to_datetime(raw["time"], utc=True))
    return bar_frame(times, Timeframe.M1, raw[list(PRICES)].to_numpy(dtype="float64"))


def markets(instrument: Instrument, count: int = SYMBOLS) -> Iterator[Market]:
    """The markets, all on the same real bars."""
    bars = real_minutes()
    opens = epoch_seconds(bars["open_time"])
    for number in range(count):
        renamed = instrument.model_copy(update={"symbol": f"SYM{number:02}", "aliases": ()})
        yield Market(bars, opens, renamed, number % WEEKS, 1 + number // WEEKS / 50)


def assignments(setups: list[SetupSpec], instrument: Instrument) -> tuple[Assignment, int]:
    """What each is scanned for, and how many bars it is seeded with."""
    pairs = [(spec, timeframe) for spec in setups for timeframe in TIMEFRAMES]
    return Assignment(instrument, pairs), m1_bars_needed(pairs)
