"""MemoryInstrumentFacts: what sources said of symbols, in memory."""

from datetime import datetime

from pipeline.domain.source import InstrumentFacts, KeptFacts


class MemoryInstrumentFacts:
    """Facts of symbols; see `storage.source_ports.InstrumentFactsStore`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], KeptFacts] = {}

    async def keep(self, facts: InstrumentFacts, now: datetime) -> InstrumentFacts | None:
        """Keep what a source says; return what it said before."""
        key = (facts.symbol, facts.source)
        before = self._kept.get(key)
        self._kept[key] = KeptFacts(facts, now)
        return before.facts if before else None

    async def of(self, symbol: str) -> list[KeptFacts]:
        """Return what each source said last."""
        return [kept for key, kept in sorted(self._kept.items()) if key[0] == symbol]
