"""An exchange asked in a process of its own, so that no other keeps ccxt in its memory.

Imported, ccxt takes 70 MB, and a big exchange's list of markets as much again: too much for a bot,
a worker and a scanner that ask once a day.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import pandas as pd

from flows.cpu import CpuPool
from pipeline.domain.exchange import ExchangeMarket
from pipeline.domain.market import Timeframe
from storage.market_ports import History

SECONDS = 1800.0
"""Longest that a question may take: two years of M5 bars from an exchange that makes us wait."""


class ApartHistory:
    """An exchange behind a process that ends with each answer.

    Parameters
    ----------
    make
        Builds the adapter over there; it must survive being sent.
    """

    def __init__(self, name: str, make: Callable[[], History], cpu: CpuPool) -> None:
        self._name = name
        self._make = make
        self._cpu = cpu

    @property
    def name(self) -> str:
        """The exchange's id."""
        return self._name

    async def market(self, symbol: str) -> ExchangeMarket:
        """Return a market; see the port."""
        found = await self._cpu.run_apart(SECONDS, _asked, self._make, "market", symbol)
        return cast("ExchangeMarket", found)

    async def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Return closed bars; see the port."""
        question = (symbol, timeframe, start, end)
        found = await self._cpu.run_apart(SECONDS, _asked, self._make, "bars", *question)
        return cast("pd.DataFrame", found)

    async def close(self) -> None:
        """Nothing is kept open."""


def _asked(make: Callable[[], History], method: str, *question: Any) -> Any:
    """Build the adapter, ask it one thing, and let go of it."""

    async def ask() -> Any:
        history = make()
        try:
            return await getattr(history, method)(*question)
        finally:
            await history.close()

    return asyncio.run(ask())
