"""SqlWatchStore: what chats want of live watching, and the rules for all, in the database."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.watch import LiveRules, Watch
from storage.database import insert_into, reading, writing
from storage.live_tables import WATCHES

_ALL = 0  # no chat has this id: the row of the rules for all


class SqlWatchStore:
    """Wishes by chat; see `storage.live_ports.WatchStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, chat_id: int) -> Watch | None:
        """Return a chat's wishes, or None."""
        found = None if chat_id == _ALL else await self._row(chat_id)
        return None if found is None else Watch.model_validate(found)

    async def everyone(self) -> list[Watch]:
        """Return all chats' wishes, by chat."""
        query = select(WATCHES.c.watch).where(WATCHES.c.chat_id != _ALL)
        async with reading(self._engine) as db:
            rows = (await db.execute(query.order_by(WATCHES.c.chat_id))).scalars().all()
        return [Watch.model_validate(row) for row in rows]

    async def put(self, watch: Watch, now: datetime) -> None:
        """Keep a chat's wishes."""
        await self._keep(watch.chat_id, watch.model_dump(mode="json"), now)

    async def rules(self) -> LiveRules:
        """Return the rules for all chats."""
        return LiveRules.model_validate(await self._row(_ALL) or {})

    async def put_rules(self, rules: LiveRules, now: datetime) -> None:
        """Keep the rules for all chats."""
        await self._keep(_ALL, rules.model_dump(mode="json"), now)

    async def _row(self, chat_id: int) -> Any:
        query = select(WATCHES.c.watch).where(WATCHES.c.chat_id == chat_id)
        async with reading(self._engine) as db:
            return (await db.execute(query)).scalar_one_or_none()

    async def _keep(self, chat_id: int, wishes: dict[str, Any], now: datetime) -> None:
        change = {"watch": wishes, "changed_at": now}
        row = insert_into(self._engine, WATCHES).values(chat_id=chat_id, **change)
        async with writing(self._engine) as db:
            await db.execute(row.on_conflict_do_update(index_elements=["chat_id"], set_=change))
