"""SqlChatStore: roles, strangers, and what a chat was last asked, in the database."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import insert_into, reading, writing
from storage.tables import MEMORIES, STRANGERS, USERS


class SqlChatStore:
    """Who may do what, and small pending things; see `storage.ports.ChatStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def role(self, user_id: int) -> str | None:
        """Return the user's role, None for a stranger."""
        query = select(USERS.c.role).where(USERS.c.user_id == user_id)
        async with reading(self._engine) as db:
            return (await db.execute(query)).scalar_one_or_none()

    async def set_role(self, user_id: int, role: str | None, now: datetime) -> None:
        """Give or (None) take a role."""
        change = {"role": role, "changed_at": now}
        give = insert_into(self._engine, USERS).values(user_id=user_id, **change)
        async with writing(self._engine) as db:
            if role is None:
                await db.execute(delete(USERS).where(USERS.c.user_id == user_id))
            else:
                await db.execute(
                    give.on_conflict_do_update(index_elements=["user_id"], set_=change)
                )

    async def users(self) -> dict[int, str]:
        """Return all roles by user id."""
        async with reading(self._engine) as db:
            rows = await db.execute(select(USERS.c.user_id, USERS.c.role).order_by("user_id"))
            return {row.user_id: row.role for row in rows}

    async def note_stranger(self, user_id: int, now: datetime) -> bool:
        """Remember a stranger; True the first time."""
        first = insert_into(self._engine, STRANGERS).values(user_id=user_id, first_seen=now)
        note = first.on_conflict_do_nothing()
        async with writing(self._engine) as db:
            noted = await db.execute(note.returning(STRANGERS.c.user_id))
            return noted.scalar_one_or_none() is not None

    async def remember(self, key: str, value: dict[str, Any], now: datetime) -> None:
        """Keep a small JSON under a key; replaces."""
        change = {"value": value, "at": now}
        keep = insert_into(self._engine, MEMORIES).values(key=key, **change)
        async with writing(self._engine) as db:
            await db.execute(keep.on_conflict_do_update(index_elements=["key"], set_=change))

    async def recall(self, key: str) -> dict[str, Any] | None:
        """Return it, or None."""
        query = select(MEMORIES.c.value).where(MEMORIES.c.key == key)
        async with reading(self._engine) as db:
            return cast("dict[str, Any] | None", (await db.execute(query)).scalar_one_or_none())

    async def take(self, key: str) -> dict[str, Any] | None:
        """Return and forget it: of concurrent takers one gets it."""
        query = delete(MEMORIES).where(MEMORIES.c.key == key).returning(MEMORIES.c.value)
        async with writing(self._engine) as db:
            return cast("dict[str, Any] | None", (await db.execute(query)).scalar_one_or_none())
