"""A source of past bars in memory: for tests and for trying things."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import pandas as pd

from pipeline.domain.bars import empty_bars, validate_bars
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.paging import check_timeframe, last_close

CARD = SourceCard(
    name="memory",
    title="In memory",
    timeframes=(Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1),
    side=PriceSide.BID,
    volume=VolumeKind.UNITS,
    clock="UTC",
    reach="whatever it was given",
    bars_a_second=1_000_000.0,
)


class MemorySource:
    """See `storage.source_ports.BarSource`.

    Parameters
    ----------
    held
        Bar frames by the source's own name of a symbol and the timeframe; the bar that forms may
        be among them. Prices are the source's: the symbol's `scale` makes them ours.
    facts
        What it says of symbols, by the source's name.
    page_bars
        Most bars in one page.

    Notes
    -----
    `troubles` are taken one a question, before it is answered: an error is raised, a number is
    slept for.
    """

    def __init__(
        self,
        held: Mapping[tuple[str, Timeframe], pd.DataFrame] | None = None,
        *,
        card: SourceCard = CARD,
        facts: Mapping[str, InstrumentFacts] | None = None,
        page_bars: int = 1000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.held = dict(held or {})
        self.troubles: list[AppError | float] = []
        self.asked: list[tuple[str, Timeframe, datetime, datetime]] = []
        self._card, self._facts = card, dict(facts or {})
        self._page_bars, self._sleep = page_bars, sleep

    @property
    def card(self) -> SourceCard:
        """What it gives."""
        return self._card

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return the first of the closed bars; see the port."""
        check_timeframe(self._card, timeframe)
        self.asked.append((symbol.name, timeframe, start, end))
        await self._suffer()
        bars = self._bars(symbol, timeframe)
        until = max(start, min(end, last_close(timeframe, now)))
        found = bars[(bars["open_time"] >= start) & (bars["open_time"] < until)]
        if len(found) > self._page_bars:
            found = found.head(self._page_bars)
            until = found["open_time"].iloc[-1].to_pydatetime() + timeframe.delta
        frame = found.reset_index(drop=True)
        for name in ("open", "high", "low", "close", "spread"):
            frame[name] *= symbol.scale
        return Page(validate_bars(frame, timeframe), min(until, end))

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return what it was given of a symbol; see the port."""
        del now
        await self._suffer()
        return self._facts.get(symbol.name)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _suffer(self) -> None:
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, AppError):
            raise trouble
        if trouble is not None:
            await self._sleep(trouble)

    def _bars(self, symbol: SourceSymbol, timeframe: Timeframe) -> pd.DataFrame:
        names = sorted({name for name, _ in self.held})
        if symbol.name not in names:
            raise BadRequestError(
                f"{self._card.title} has no {symbol.name!r}.",
                field="symbol", value=symbol.name, closest=tuple(names[:3]),
            )  # fmt: skip
        return self.held.get((symbol.name, timeframe), empty_bars())
