"""MemoryLoadLog and MemorySourceChoices: loads and choices, in memory."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.domain.market import Timeframe
from pipeline.domain.source import LoadRun, SourceSymbol
from storage.stretch_joining import Stretch, joined


class MemoryLoadLog:
    """Loads; see `storage.source_ports.LoadLog`."""

    def __init__(self) -> None:
        self._loads: list[LoadRun] = []

    async def note(self, load: LoadRun) -> LoadRun:
        """Keep a load."""
        if load.load_id:
            self._loads[load.load_id - 1] = load
            return load
        self._loads.append(load.model_copy(update={"load_id": len(self._loads) + 1}))
        return self._loads[-1]

    async def newest(self, limit: int = 20, symbol: str | None = None) -> list[LoadRun]:
        """Return loads, newest first."""
        fitting = [one for one in self._loads if symbol in (None, one.symbol)]
        return fitting[::-1][:limit]

    async def covered(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe
    ) -> list[Stretch]:
        """Return what was answered in full."""
        loads = self._of(source, symbol, timeframe)
        return joined(
            (one.asked_start, one.covered_until) for one in loads if one.covered_until is not None
        )

    async def asked(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe
    ) -> list[Stretch]:
        """Return what was ever asked for."""
        loads = self._of(source, symbol, timeframe)
        return joined((one.asked_start, one.asked_end) for one in loads)

    def _of(self, source: str, symbol: SourceSymbol, timeframe: Timeframe) -> list[LoadRun]:
        wanted = (source, symbol.symbol, symbol.name, timeframe)
        return [
            one
            for one in self._loads
            if (one.source, one.symbol, one.source_symbol, one.timeframe) == wanted
        ]


class MemorySourceChoices:
    """Choices; see `storage.source_ports.SourceChoices`."""

    def __init__(self) -> None:
        self._choices: dict[str, tuple[str, ...]] = {}

    async def of(self, symbol: str) -> tuple[str, ...]:
        """Return the chosen names."""
        return self._choices.get(symbol, ())

    async def choose(self, symbol: str, sources: Sequence[str], now: datetime) -> None:
        """Keep or forget a choice."""
        del now
        self._choices[symbol] = tuple(sources)
