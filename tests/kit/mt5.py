"""A simulated MetaTrader with feed and broker over it, directly or behind the real bridge."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.calendar import expected_opens
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Timeframe
from storage.feeds.mt5 import Mt5Feed, open_mt5
from storage.instruments import YamlInstruments
from storage.mt5_bridge.client import BridgeTerminal
from storage.mt5_bridge.server import BridgeServer
from storage.mt5_native import NativeTerminal
from storage.mt5_terminal import Terminal
from tests.kit.mt5_simulation import SimulatedMetaTrader

TOKEN = "a-token-that-only-tests-know-0123456789"
NOON = datetime(2025, 3, 19, 12, 0, 30, tzinfo=UTC)
"""A Wednesday on which New York has changed its clocks and Europe hasn't."""
PRICES = {"EURUSD": 1.08, "GER40": 23_000.0, "BTCUSD": 90_000.0}
CALENDARS = {"EURUSD": "fx", "GER40": "index_xetra", "BTCUSD": "crypto"}


@lru_cache(maxsize=32)
def minute_bars(symbol: str, start: datetime, end: datetime, seed: int = 1) -> pd.DataFrame:
    """M1 bars as a market makes them: quiet at week-ends, and three minutes in a hundred silent."""
    rng = np.random.default_rng([seed, len(symbol), ord(symbol[0])])
    opens = expected_opens(CALENDARS[symbol], Timeframe.M1, start, end)
    opens = opens[rng.random(len(opens)) > 0.03]
    step = PRICES[symbol] * 5e-5
    close = PRICES[symbol] + np.cumsum(rng.normal(0, step, len(opens)))
    opened = np.concatenate([[PRICES[symbol]], close[:-1]])
    high = np.maximum(opened, close) + rng.exponential(step, len(opens))
    low = np.minimum(opened, close) - rng.exponential(step, len(opens))
    digits = 1 if PRICES[symbol] > 1000 else 5
    prices = np.round(np.column_stack([opened, high, low, close]), digits)
    times = pd.DatetimeIndex(opens.astype("datetime64[s]")).tz_localize("UTC")
    spread = rng.integers(1, 20, len(opens)) * 10.0**-digits
    volume = rng.integers(4, 300, len(opens)).astype(float)
    return bar_frame(times, Timeframe.M1, prices, volume, spread)


@lru_cache(maxsize=32)
def old_hours(calendar: str, end: datetime, days: int = 730) -> np.ndarray:
    return expected_opens(calendar, Timeframe.H1, end - timedelta(days=days), end)


def simulated(
    now: datetime = NOON,
    zone: str = "New York+7",
    *,
    days: float = 3,
    history: int = 730,
    crypto: bool = False,
) -> SimulatedMetaTrader:
    """A broker with EURUSD and GER40 under names of its own, and `history` days of old hours."""
    start = now - timedelta(days=days)
    later = now + timedelta(days=2)
    symbols = ("EURUSD", "GER40", "BTCUSD") if crypto else ("EURUSD", "GER40")
    frames = {s: minute_bars(s, start, later) for s in symbols}
    sim = SimulatedMetaTrader(frames, now, zone)
    sim.rename({"EURUSD": "EURUSD.r", "GER40": "DE40.cash"})
    if history:
        sim.hours["EURUSD.r"] = old_hours("fx", start, history)
    sim.truth = frames
    return sim


@contextmanager
def bridge(sim: SimulatedMetaTrader, *, orders: bool = True) -> Iterator[BridgeServer]:
    """The real bridge over the simulation, on a free port of loopback."""
    terminal = NativeTerminal(vendor=sim)
    server = BridgeServer(terminal, TOKEN, "127.0.0.1", 0, orders=orders)
    runs = threading.Thread(target=server.start, daemon=True)
    server.logger.setLevel("CRITICAL")
    runs.start()
    try:
        yield server
    finally:
        server.close()
        runs.join(timeout=20)
        assert not runs.is_alive()


@contextmanager
def terminal_over(sim: SimulatedMetaTrader, how: str) -> Iterator[Terminal]:
    """A terminal: "direct", or over the "bridge"; `sim.server` is the bridge's server."""
    sim.server = None
    if how == "direct":
        yield NativeTerminal(vendor=sim)
        return
    with bridge(sim) as server:
        sim.server = server
        yield BridgeTerminal("127.0.0.1", server.port, TOKEN, pause=lambda _: None)


@asynccontextmanager
async def feed_over(
    sim: SimulatedMetaTrader, terminal: Terminal, home: Path, *, zone: str = "auto"
) -> AsyncIterator[Mt5Feed]:
    """A feed whose waits move the simulation's time instead of passing."""
    feed = feed_on(sim, terminal, home, zone=zone)
    try:
        yield feed
    finally:
        await feed.close()


def feed_on(
    sim: SimulatedMetaTrader, terminal: Terminal, home: Path, *, zone: str = "auto"
) -> Mt5Feed:
    async def pause(seconds: float) -> None:
        sim.advance(seconds)

    def seconds() -> float:
        return sim.now.timestamp()

    return open_mt5(
        terminal, YamlInstruments(), home, name="mt5", zone=zone, pause=pause,
        seconds=seconds,
    )  # fmt: skip
