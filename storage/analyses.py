"""SqlAnalysisStore: the analyst's kept answers, and what chats spent on them, in the database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.analysis import Analysis
from storage.database import alone, insert_into, reading, writing
from storage.outside_tables import ANALYSES, ANALYST_SPENDING

NOBODY = 0
"""Whose spending it is that no chat asked for."""
_SLACK = 1e-9
_LOCK = 7_205_760_000_000
_A, _S = ANALYSES.c, ANALYST_SPENDING.c


class SqlAnalysisStore:
    """Kept answers and budgets; see `storage.analyst_ports.AnalysisStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def cached(self, key: str) -> Analysis | None:
        """Return the kept answer to exactly this question, or None."""
        async with reading(self._engine) as db:
            found = await db.execute(select(_A.analysis).where(_A.key == key))
            row = found.scalar_one_or_none()
        return None if row is None else Analysis.model_validate(row)

    async def reserve(
        self, chat_id: int | None, cost: float, *, limit: float, now: datetime
    ) -> int | None:
        """Set aside `cost` of a chat's budget of the UTC day; None if less than that is left."""
        chat, day = chat_id or NOBODY, day_of(now)
        row: dict[str, Any] = {"chat_id": chat, "day": day, "cost": cost, "settled": 0, "at": now}
        aside = insert_into(self._engine, ANALYST_SPENDING).values(row).returning(_S.id)
        async with writing(self._engine) as db:
            await alone(db, _LOCK ^ chat)
            if await _spent(db, chat, day) + cost > limit + _SLACK:
                return None
            return int((await db.execute(aside)).scalar_one())

    async def keep(self, analysis: Analysis, reservation: int | None) -> None:
        """Keep an answer; its true cost takes the place of what was set aside."""
        kept = {
            "purpose": analysis.purpose.value,
            "subject": analysis.subject,
            "analysis": analysis.model_dump(mode="json"),
            "at": analysis.at,
        }
        row = insert_into(self._engine, ANALYSES).values(key=analysis.key, **kept)
        async with writing(self._engine) as db:
            await db.execute(row.on_conflict_do_update(index_elements=["key"], set_=kept))
            if reservation is not None:
                await db.execute(_settled(reservation, analysis.cost))

    async def release(self, reservation: int, cost: float = 0.0) -> None:
        """Give back what was set aside, but for what the call did cost."""
        gone = delete(ANALYST_SPENDING).where(_S.id == reservation, _S.settled == 0)
        async with writing(self._engine) as db:
            await db.execute(_settled(reservation, cost) if cost else gone)

    async def spent(self, chat_id: int | None, now: datetime) -> float:
        """Return what a chat has spent and set aside in this UTC day (US dollars)."""
        async with reading(self._engine) as db:
            return await _spent(db, chat_id or NOBODY, day_of(now))


def day_of(now: datetime) -> str:
    """Return the UTC day of a budget."""
    return now.astimezone(UTC).date().isoformat()


def _settled(reservation: int, cost: float) -> Any:
    query = update(ANALYST_SPENDING).where(_S.id == reservation, _S.settled == 0)
    return query.values(cost=cost, settled=1)


async def _spent(db: AsyncConnection, chat: int, day: str) -> float:
    query = select(func.coalesce(func.sum(_S.cost), 0.0)).where(_S.chat_id == chat, _S.day == day)
    return float((await db.execute(query)).scalar_one())
