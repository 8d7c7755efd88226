"""MemoryAnalysisStore: the analyst's kept answers and budgets in memory."""

from datetime import UTC, datetime

from pipeline.domain.analysis import Analysis

_SLACK = 1e-9


class MemoryAnalysisStore:
    """Kept answers and budgets; see `storage.analyst_ports.AnalysisStore`."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self._spending: dict[int, tuple[int, str, float, bool]] = {}
        self._last = 0

    async def cached(self, key: str) -> Analysis | None:
        """Return the kept answer to exactly this question, or None."""
        found = self._kept.get(key)
        return None if found is None else Analysis.model_validate_json(found)

    async def reserve(
        self, chat_id: int | None, cost: float, *, limit: float, now: datetime
    ) -> int | None:
        """Set aside `cost` of a chat's budget of the UTC day; None if less than that is left."""
        if await self.spent(chat_id, now) + cost > limit + _SLACK:
            return None
        self._last += 1
        self._spending[self._last] = (chat_id or 0, _day(now), cost, False)
        return self._last

    async def keep(self, analysis: Analysis, reservation: int | None) -> None:
        """Keep an answer; its true cost takes the place of what was set aside."""
        self._kept[analysis.key] = analysis.model_dump_json()
        if reservation is not None:
            self._settle(reservation, analysis.cost)

    async def release(self, reservation: int, cost: float = 0.0) -> None:
        """Give back what was set aside, but for what the call did cost."""
        if cost:
            self._settle(reservation, cost)
        elif reservation in self._spending and not self._spending[reservation][3]:
            del self._spending[reservation]

    async def spent(self, chat_id: int | None, now: datetime) -> float:
        """Return what a chat has spent and set aside in this UTC day (US dollars)."""
        mine = (chat_id or 0, _day(now))
        return sum(cost for chat, day, cost, _ in self._spending.values() if (chat, day) == mine)

    def _settle(self, reservation: int, cost: float) -> None:
        if reservation in self._spending and not self._spending[reservation][3]:
            chat, day, _, _ = self._spending[reservation]
            self._spending[reservation] = (chat, day, cost, True)


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
