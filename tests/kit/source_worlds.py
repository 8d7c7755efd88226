"""Sources of past bars beside the fakes they ask: what the contract suite runs over.

A source joins by a line in `tests.kit.source_registry`: a function of the moment that opens a `World`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame, epoch_seconds
from pipeline.domain.errors import BadBarsError, FeedDownError, FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds.dukascopy import DukascopySource
from storage.feeds.dukascopy_api import ABSENT, PricesApi
from storage.feeds.dukascopy_door import Datafeed
from storage.feeds.patient_http import HttpPatience, PatientHttp
from storage.memory import MemorySource
from storage.source_ports import BarSource
from tests.kit import dukascopy

NOW = datetime(2025, 3, 12, 14, 37, 20, tzinfo=UTC)
"""A Wednesday; New York has changed its clocks on the Sunday before, Europe has not."""
LAST_CLOSE = NOW.replace(second=0)
ALWAYS = 99


class Fault(StrEnum):
    """How a fake misbehaves, for the next questions about bars."""

    UNAUTHORIZED = auto()  # 401
    FORBIDDEN = auto()  # 403
    BUSY = auto()  # 429, Retry-After: 7
    BUSY_LONG = auto()  # 429, Retry-After: 100000
    BROKEN = auto()  # 500 or 503
    SLOW = auto()  # no answer within the source's time-out
    CUT = auto()  # half a body
    IMPOSSIBLE = auto()  # 200 with a bar whose high lies below its low


@dataclass
class Waits:
    """A sleep that takes no time and remembers."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class World:
    """A source and the fake behind it.

    Parameters
    ----------
    put
        Makes these M1 bars of `symbol`, in our prices, all that the fake holds. It doesn't give
        what opens after its clock, which stands at the moment that the world was opened for.
    fail
        Lets the next `times` questions about bars go wrong; ALWAYS: all.
    waits
        What the source slept.
    final
        Up to where its bars are final at the moment; earlier for a source that is hours behind.
    digits
        Decimals of our price that survive the way through the fake.
    """

    source: BarSource
    symbol: SourceSymbol
    put: Callable[[pd.DataFrame], None]
    fail: Callable[[Fault, int], None]
    waits: Waits
    final: datetime = LAST_CLOSE
    digits: int = 4
    unknown: str = "NOSUCH"


@asynccontextmanager
async def memory_world(now: datetime) -> AsyncIterator[World]:
    """Open the source in memory: its troubles are what a real one makes of a fake's."""
    del now
    waits = Waits()
    source = MemorySource(page_bars=700, sleep=waits)
    symbol = SourceSymbol(symbol="EURUSD", name="eur", scale=0.5)

    def put(bars: pd.DataFrame) -> None:
        frame = bars.copy()
        for name in ("open", "high", "low", "close"):
            frame[name] /= symbol.scale
        source.held["eur", Timeframe.M1] = frame

    def fail(fault: Fault, times: int) -> None:
        if fault in (Fault.UNAUTHORIZED, Fault.FORBIDDEN):
            source.troubles.append(FeedRefusedError("In memory: the key is wrong."))
        elif fault is Fault.BUSY:
            source.troubles.append(7.0)
        elif fault is Fault.IMPOSSIBLE:
            source.troubles.append(BadBarsError("a bar's high lies below its low"))
        elif times == ALWAYS or fault is Fault.BUSY_LONG:
            source.troubles.append(FeedDownError("In memory: no answer."))

    yield World(source, symbol, put, fail, waits)


@asynccontextmanager
async def dukascopy_world(now: datetime, *, api: bool = False) -> AsyncIterator[World]:
    """Open Dukascopy, its files or its API: whole points, an hour or two behind."""
    waits = Waits()
    patience = HttpPatience(first=0.1, gap=0.0, request_seconds=0.2)
    symbol = SourceSymbol(symbol="EURUSD", name="EURUSD", scale=0.00001)
    async with dukascopy.running_dukascopy(dukascopy.Loopback(now=now)) as served:
        absent = ABSENT if api else (404,)
        http = PatientHttp(
            "Dukascopy", patience, absent=absent, sleep=waits, rng=np.random.default_rng(1)
        )
        source = DukascopySource((PricesApi if api else Datafeed)(http, served.url))

        def put(bars: pd.DataFrame) -> None:
            points = np.round(bars[["open", "high", "low", "close"]].to_numpy() * 1e5)
            opens, volume = epoch_seconds(bars["open_time"]), bars["volume"].to_numpy()
            served.hold("EURUSD", dukascopy.ticks_of_bars(opens, points, volume))

        def fail(fault: Fault, times: int) -> None:
            wrong = _OF_DUKASCOPY[fault]
            if times == ALWAYS:
                served.always = wrong
            else:
                served.faults = [wrong] * times

        final = now.replace(minute=0, second=0) - timedelta(hours=1)
        yield World(source, symbol, put, fail, waits, final=final, digits=5)
        await source.close()


_OF_DUKASCOPY = {
    Fault.UNAUTHORIZED: dukascopy.Fault(401),
    Fault.FORBIDDEN: dukascopy.Fault(403),
    Fault.BUSY: dukascopy.Fault(429, {"Retry-After": "7"}),
    Fault.BUSY_LONG: dukascopy.Fault(429, {"Retry-After": "100000"}),
    Fault.BROKEN: dukascopy.Fault(503),
    Fault.SLOW: dukascopy.Fault(slow=0.4),
    Fault.CUT: dukascopy.Fault(cut=900),
    Fault.IMPOSSIBLE: dukascopy.Fault(impossible=True),
}


def walk_bars(start: datetime, end: datetime, seed: int = 5, base: float = 1.1) -> pd.DataFrame:
    """Return M1 bars of a random walk with four decimals: silent minutes and week ends have none.

    The market is open from Sunday 22:00 to Friday 21:00 UTC.
    """
    rng = np.random.default_rng(seed)
    times = pd.date_range(start, end, freq="1min", inclusive="left")
    hours = times.day_of_week * 24 + times.hour
    week_end, silent = (hours >= 4 * 24 + 21) & (hours < 6 * 24 + 22), rng.random(len(times)) < 0.1
    times = times[~(week_end | silent)]
    path = base + np.cumsum(rng.normal(0, 0.0002, len(times)))
    opens = path + rng.normal(0, 0.0001, len(times))
    highs = np.maximum(opens, path) + rng.exponential(0.0002, len(times))
    lows = np.minimum(opens, path) - rng.exponential(0.0002, len(times))
    prices = np.round(np.column_stack([opens, highs, lows, path]), 4)
    return bar_frame(times, Timeframe.M1, prices, rng.integers(1, 500, len(times)).astype(float))
