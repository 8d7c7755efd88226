"""Mt5Feed: bars of a MetaTrader terminal as they close, on UTC."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.broker_clock import WallTimes, to_utc_marked, to_wall
from pipeline.domain.bars import bar_frame, validate_bars
from pipeline.domain.errors import FeedDownError
from pipeline.domain.market import Timeframe
from storage.feeds.mt5_clock import GRACE, BrokerTime
from storage.feeds.mt5_rates import RateReader
from storage.feeds.mt5_zone import AUTO, BrokerZone, Witness
from storage.market_ports import FeedClock, InstrumentTable
from storage.mt5_symbols import FILE, BrokerSymbols
from storage.mt5_terminal import (
    M1,
    SymbolFacts,
    Terminal,
    TerminalLostError,
    TerminalRefusedError,
)
from storage.mt5_thread import TerminalThread

LONG_SILENCE = 900
"""Seconds after its close when a bar is closed by this machine's clock, as no price moves."""
_CONNECTED_SECONDS = 1.0
_TELLING = ("fx", "metal", "index_us", "index_xetra", "crypto")
"""Calendars by how well they tell a broker's clock; one symbol of each is a witness."""


class Mt5Feed:
    """See `storage.market_ports.Feed`.

    Parameters
    ----------
    name
        For people: mt5 or bridge.
    seconds
        A monotonic clock.

    Notes
    -----
    The newest bar is closed once a later one exists, or once the broker's own clock, as `clock`
    last told it, is a second past its close; this machine's clock has no say in it. So every bar
    that has closed by the time that `clock` told is given from then on. Bars of the
    hour that a broker's clock shows twice in autumn are left out. The spread is the bar's own
    where the symbol has any; volume is the number of ticks.
    """

    def __init__(
        self,
        thread: TerminalThread,
        symbols: BrokerSymbols,
        instruments: InstrumentTable,
        rates: RateReader,
        broker_time: BrokerTime,
        *,
        name: str,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thread, self._symbols, self._instruments = thread, symbols, instruments
        self._rates, self._time, self._name, self._seconds = rates, broker_time, name, seconds
        self._facts: dict[str, SymbolFacts] = {}
        self._with_spread: set[str] = set()
        self._connected_until = float("-inf")
        self._looking = asyncio.Lock()

    @property
    def name(self) -> str:
        """Its name for people."""
        return self._name

    async def offers(self) -> tuple[str, ...]:
        """Return our names of the symbols that the broker has."""
        with _ours():
            return tuple(sorted(await self._symbols.all()))

    async def clock(self, now: datetime) -> FeedClock:
        """Return the broker's time, told by its ticks."""
        with _ours():
            await self._check_connected()
            async with self._looking:
                return await self._time.look(now, await self._witnesses())

    async def bars(
        self, symbol: str, after: datetime | None, now: datetime, *, limit: int = 5000
    ) -> pd.DataFrame:
        """Return closed M1 bars with open_time > `after`, oldest first."""
        with _ours():
            theirs = await self._symbols.theirs(symbol)
            await self._check_connected()
            zone = await self.zone(now)
            facts = await self._facts_of(theirs)
            if after is None:
                rates = await self._rates.newest(theirs, M1, limit + 1)
            else:
                since, wall = (to_wall(t.timestamp(), zone) for t in (after, now))
                rates = await self._rates.since(theirs, M1, since, wall)
        times = to_utc_marked(rates["time"].astype("int64"), zone)
        sure = ~times.doubtful
        sure[-1:] &= self._over(rates, times, now)
        if after is not None:
            sure &= times.utc > after.timestamp()
        chosen = np.flatnonzero(sure)
        chosen = chosen[-limit:] if after is None else chosen[:limit]
        return validate_bars(self._frame(times.utc[chosen], rates[chosen], facts), Timeframe.M1)

    async def close(self) -> None:
        """Let go of the terminal."""
        await self._thread.close()

    async def zone(self, now: datetime) -> str:
        """Return the clock that the broker writes; FeedDownError while nothing tells it."""
        with _ours():
            async with self._looking:
                zone = await self._time.zone(now, await self._witnesses())
        if zone is None:
            raise FeedDownError(
                "The broker's clock can't be told yet, so its bars have no time: set BROKER_ZONE, "
                "or wait until prices move."
            )
        return zone

    async def _witnesses(self) -> list[Witness]:
        names = await self._symbols.all()
        first = {
            i.calendar: Witness(names[i.symbol], i.calendar)
            for i in reversed(await self._instruments.known())
            if i.symbol in names
        }
        return [first[calendar] for calendar in _TELLING if calendar in first]

    async def _facts_of(self, theirs: str) -> SymbolFacts:
        if theirs not in self._facts:
            self._facts[theirs] = await self._thread.call(lambda t: t.symbol_info(theirs))
        return self._facts[theirs]

    async def _check_connected(self) -> None:
        """Refuse while the terminal is cut off: the newest bar would end where the line did."""
        if self._seconds() < self._connected_until:
            return
        facts = await self._thread.call(lambda terminal: terminal.terminal_info())
        if not facts.connected:
            raise FeedDownError("MetaTrader has no connection to the broker.")
        self._connected_until = self._seconds() + _CONNECTED_SECONDS

    def _over(self, rates: np.ndarray, times: WallTimes, now: datetime) -> np.ndarray:
        """Tell whether the newest bar, the only one that may still form, has closed."""
        wall = self._time.wall_now()
        if wall is None:
            over: np.ndarray = times.utc[-1:] + 60 + LONG_SILENCE <= now.timestamp()
        else:
            over = rates["time"][-1:] + 60 + GRACE <= wall
        return over

    def _frame(self, utc: np.ndarray, rates: np.ndarray, facts: SymbolFacts) -> pd.DataFrame:
        if (rates["spread"] > 0).any():
            self._with_spread.add(facts.name)
        spread = rates["spread"] * facts.point if facts.name in self._with_spread else None
        return bar_frame(
            pd.DatetimeIndex(utc.astype("datetime64[s]")).tz_localize("UTC"),
            Timeframe.M1,
            np.column_stack([rates[name] for name in ("open", "high", "low", "close")]),
            rates["tick_volume"],
            spread,
        )


def open_mt5(
    terminal: Terminal,
    instruments: InstrumentTable,
    home: Path,
    *,
    name: str,
    zone: str = AUTO,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    seconds: Callable[[], float] = time.monotonic,
) -> Mt5Feed:
    """Return the feed of a terminal; nothing is asked of it yet.

    Parameters
    ----------
    home
        Where `broker_symbols.yaml` may lie, and `broker_clock.json` is kept.
    name
        For people: mt5 or bridge.
    zone
        The broker's clock, or "auto".
    pause, seconds
        How to wait, and a monotonic clock, both in seconds.
    """
    thread = TerminalThread(terminal)
    rates = RateReader(thread, pause)
    zones = BrokerZone(thread, rates, zone, home / "broker_clock.json", seconds=seconds)
    broker_time = BrokerTime(thread, zones, pause=pause, seconds=seconds)
    symbols = BrokerSymbols(thread, instruments, home / FILE)
    return Mt5Feed(thread, symbols, instruments, rates, broker_time, name=name, seconds=seconds)


@contextmanager
def _ours() -> Iterator[None]:
    """Turn the terminal's errors into ours."""
    try:
        yield
    except TerminalLostError as error:
        raise FeedDownError(error.text) from error
    except TerminalRefusedError as error:
        raise FeedDownError(
            f"MetaTrader gives no answer: {error.text}.", call=error.call, code=error.code
        ) from error
