"""The ports to sources of past bars, to the record of loads, and to bars in quarantine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.data_quality import HoldingQuality
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    KeptFacts,
    LoadRun,
    Page,
    SourceCard,
    SourceSymbol,
    WithheldBar,
)


class BarSource(Protocol):
    """Past bars from one source, page by page; the caller asks again from `covered_until` on."""

    @property
    def card(self) -> SourceCard:
        """What it gives."""
        ...

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return the first of the closed bars with start <= open_time < end, oldest first.

        As many as the source gives in one go. `covered_until` is later than `start`, at most
        `end`, and never later than the last close at `now`. The bar that forms is left out. Where
        nothing from `start` on is final yet, as some sources are hours behind, the page is empty
        and `covered_until` is `start`: whoever asks page by page stops there.

        Raises
        ------
        FeedDownError
            It couldn't be asked after some tries, or asks for a longer wait than there is
            patience for.
        FeedRefusedError
            It won't answer us: a key, a place, a permission, a plan that doesn't hold this.
        BadRequestError
            It has no such symbol or timeframe.
        BadBarsError
            What came breaks the bar contract.
        """
        ...

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return what it says of a symbol, or None where it says nothing; errors as above."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class LoadLog(Protocol):
    """What was asked of sources, and what came."""

    async def note(self, load: LoadRun) -> LoadRun:
        """Keep a load and return it with its id; one that has an id is changed."""
        ...

    async def newest(self, limit: int = 20, symbol: str | None = None) -> list[LoadRun]:
        """Return loads, newest first."""
        ...

    async def covered(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe
    ) -> list[tuple[datetime, datetime]]:
        """Return the stretches [start, end) that were answered in full, joined, in order.

        Answers for another name of the symbol don't count.
        """
        ...

    async def asked(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe
    ) -> list[tuple[datetime, datetime]]:
        """Return the stretches [start, end) that were ever asked for, joined, in order."""
        ...


class SourceChoices(Protocol):
    """Which sources people chose for a symbol, the first asked first."""

    async def of(self, symbol: str) -> tuple[str, ...]:
        """Return the names; empty: nobody chose."""
        ...

    async def choose(self, symbol: str, sources: Sequence[str], now: datetime) -> None:
        """Keep the choice; no names forget it."""
        ...


class InstrumentFactsStore(Protocol):
    """What sources said of symbols, the newest of each."""

    async def keep(self, facts: InstrumentFacts, now: datetime) -> InstrumentFacts | None:
        """Keep what a source says of a symbol; return what it said before, None: nothing."""
        ...

    async def of(self, symbol: str) -> list[KeptFacts]:
        """Return what each source said last of a symbol, by the source's name."""
        ...


class SourceSymbols(Protocol):
    """How sources call our symbols."""

    async def get(self, source: str, symbol: str) -> SourceSymbol | None:
        """Return a source's name of a symbol, or None: it has no such market."""
        ...


class Quarantine(Protocol):
    """Bars that were not taken in, until a person decides."""

    async def withhold(self, bars: Sequence[WithheldBar]) -> int:
        """Keep them; one that waits already with the same prices stays. Return the new ones."""
        ...

    async def waiting(
        self, symbol: str | None = None, timeframe: Timeframe | None = None
    ) -> list[WithheldBar]:
        """Return the open ones, by symbol, timeframe and time."""
        ...

    async def settle(self, bars: Sequence[WithheldBar], state: str, now: datetime) -> int:
        """Mark them accepted or discarded; return how many were open."""
        ...


class QualityLog(Protocol):
    """What checks of held bars found."""

    async def keep(self, quality: HoldingQuality) -> None:
        """Keep a check of a holding; one of the same run and holding is replaced."""
        ...

    async def newest(
        self, symbol: str, timeframe: str, *, before_run: str = ""
    ) -> HoldingQuality | None:
        """Return the newest check of a holding that is not of run `before_run`, or None."""
        ...
