"""MemoryBarUpkeep: old months of bars in memory."""

from datetime import UTC, datetime

from pipeline.domain.market import Timeframe
from storage.memory_bars import MemoryBarStore
from storage.upkeep_ports import OldMonths


class MemoryBarUpkeep:
    """Old months of a store in memory, put away into a dict; see `upkeep_ports.BarUpkeep`."""

    def __init__(self, bars: MemoryBarStore) -> None:
        self._bars = bars

    async def old(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        """Return the months that ended before that."""
        held = await self._bars.read(symbol, timeframe)
        months = sorted({f"{at:%Y-%m}" for at in held["open_time"]})
        cut = f"{before.astimezone(UTC):%Y-%m}"
        return OldMonths(tuple(month for month in months[:-1] if month < cut))

    async def put_away(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        """Keep only what is younger."""
        found = await self.old(symbol, timeframe, before)
        if found.months:
            held = await self._bars.read(symbol, timeframe)
            young = ~held["open_time"].dt.strftime("%Y-%m").isin(found.months)
            [source] = [
                h.sources[-1] for h in await self._bars.holdings()
                if (h.symbol, h.timeframe) == (symbol, timeframe.value)
            ]  # fmt: skip
            await self._bars.remove(symbol, timeframe)
            await self._bars.merge(
                symbol, timeframe, held[young].reset_index(drop=True), source=source, now=before
            )
        return found
