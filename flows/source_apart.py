"""A source of past bars asked in a process of its own, which ends when nobody asks.

Vendors' clients block and stay in memory once imported (yfinance 29 MB, alpaca-py 23, massive 9,
ccxt 84): too much for a bot, a worker and a scanner that ask now and then. A cancelled question
takes the process with it, so that no call goes on behind anybody's back.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, cast

from flows.cpu import CpuPool, ProcessDiedError
from pipeline.domain.errors import FeedDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import InstrumentFacts, Page, SourceCard, SourceSymbol
from storage.source_ports import BarSource

SECONDS = 600.0
"""Longest that a question may take: its tries, and the waits that a vendor's limit asks for."""
IDLE_SECONDS = 20.0


class ApartSource:
    """A source behind a process of its own; questions wait for each other.

    Parameters
    ----------
    card
        What it gives: known without asking.
    make
        Builds the adapter over there; it must survive being sent.
    seconds, idle_seconds
        Longest that a question may take; how long the process outlives the last one.
    """

    def __init__(
        self,
        card: SourceCard,
        make: Callable[[], BarSource],
        *,
        seconds: float = SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._card, self._make = card, make
        self._pool = CpuPool(1, timeout=seconds, idle_seconds=idle_seconds, anew=True)

    @property
    def card(self) -> SourceCard:
        """What it gives."""
        return self._card

    def pids(self) -> list[int]:
        """Return the ids of its processes: one, or none while nobody asks."""
        return self._pool.pids()

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return the first of the closed bars; see the port."""
        return cast("Page", await self._ask("page", symbol, timeframe, start, end, now))

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return what it says of a symbol; see the port."""
        return cast("InstrumentFacts | None", await self._ask("facts", symbol, now))

    async def close(self) -> None:
        """End the process; a question under way fails."""
        await self._pool.close()

    async def _ask(self, method: str, *question: Any) -> Any:
        try:
            return await self._pool.run(_asked, self._make, method, question)
        except (TimeoutError, ProcessDiedError) as error:
            words = f"{self._card.title} didn't answer in time; try again later."
            raise FeedDownError(words, cause=str(error)) from error


def _asked(make: Callable[[], BarSource], method: str, question: tuple[Any, ...]) -> Any:
    """Ask the adapter of this process one thing; it keeps what it learnt for the next question."""
    held = _adapters()
    if not held:
        held.append(make())
    return _loop().run_until_complete(getattr(held[0], method)(*question))


@cache
def _adapters() -> list[BarSource]:
    return []


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
