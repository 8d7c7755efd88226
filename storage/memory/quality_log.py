"""MemoryQualityLog: what checks of held bars found, in memory."""

from pipeline.domain.data_quality import HoldingQuality


class MemoryQualityLog:
    """Checks of holdings; see `storage.source_ports.QualityLog`."""

    def __init__(self) -> None:
        self._kept: list[HoldingQuality] = []

    async def keep(self, quality: HoldingQuality) -> None:
        """Keep a check; one of the same run is replaced."""
        key = (quality.symbol, quality.timeframe, quality.run_id)
        others = [q for q in self._kept if (q.symbol, q.timeframe, q.run_id) != key]
        self._kept = [*others, quality]

    async def newest(
        self, symbol: str, timeframe: str, *, before_run: str = ""
    ) -> HoldingQuality | None:
        """Return the newest check of a holding that is not of that run."""
        fitting = [
            (q.at, place, q)
            for place, q in enumerate(self._kept)
            if (q.symbol, q.timeframe) == (symbol, timeframe) and q.run_id != before_run
        ]
        return max(fitting, key=lambda one: one[:2])[2] if fitting else None
