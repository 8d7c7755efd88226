"""Services over the loopback exchange: a market of made bars, and a clock that stands with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from flows.services import Services
from storage.feeds.ccxt_exchange import CcxtHistory
from tests.kit.exchange import Loopback, running_exchange, walk
from tests.kit.plain_services import Clock, InlineCpu, plain_services

STEP = 300_000
END = datetime(2026, 11, 20, 10, 2, tzinfo=UTC)


def market_of(
    days: int = 31, *, seed: int = 1, prices: np.ndarray | None = None, end: datetime = END
) -> Loopback:
    """Return an exchange with the last days of BTC/USDT, a random walk unless prices are given."""
    last = int(end.timestamp() * 1000) // STEP * STEP
    count = days * 288
    opens, made = walk(last - (count - 1) * STEP, count, seed)
    world = Loopback(now=int(end.timestamp() * 1000))
    world.put("BTCUSDT", "5m", opens, made if prices is None else prices)
    return world


async def no_wait(seconds: float) -> None:
    """Wait for nothing."""
    del seconds


@asynccontextmanager
async def exchange_services(
    folder: Path, world: Loopback, now: datetime = END, **changes: Any
) -> AsyncIterator[Services]:
    """Give memory services whose exchange is the loopback one."""
    async with running_exchange(world), plain_services(folder, cpu=InlineCpu()) as services:
        rng = np.random.default_rng(1)
        exchange = CcxtHistory("binance", world.url, sleep=no_wait, rng=rng)
        try:
            yield replace(services, exchange=exchange, clock=Clock(now), **changes)
        finally:
            await exchange.close()


def later(world: Loopback, services: Services, minutes: int) -> Services:
    """Let time pass at the exchange and here."""
    world.now += minutes * 60_000
    now = services.clock() + timedelta(minutes=minutes)
    return replace(services, clock=Clock(now))
