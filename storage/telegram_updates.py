"""SqlUpdateInbox: updates that Telegram has handed over, in the database until they are done."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.entry import HeldUpdate
from storage.database import alone, insert_into, reading, writing
from storage.operation_tables import TELEGRAM_UPDATES

_C = TELEGRAM_UPDATES.c
_CLAIM_LOCK = 7_205_759_417


class SqlUpdateInbox:
    """Updates in order; see `storage.entry_ports.UpdateInbox`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, update_id: int, lane: str, body: dict[str, Any], now: datetime) -> bool:
        """Keep an update until it is done; False if it came before."""
        row = insert_into(self._engine, TELEGRAM_UPDATES).values(
            update_id=update_id, lane=lane, body=body, at=now, owner=""
        )
        kept = row.on_conflict_do_nothing(index_elements=["update_id"]).returning(_C.update_id)
        async with writing(self._engine) as db:
            return (await db.execute(kept)).first() is not None

    async def claim(
        self, owner: str, now: datetime, *, lease: timedelta, limit: int = 20
    ) -> list[HeldUpdate]:
        """Lease the first update of each lane that no living process works on."""
        heads = _heads(now).limit(limit)
        async with reading(self._engine) as db:
            # Most looks find nothing: they shall not take a lock.
            if (await db.execute(heads.limit(1))).first() is None:
                return []
        async with writing(self._engine) as db:
            await alone(db, _CLAIM_LOCK)
            ids = (await db.execute(heads)).scalars().all()
            leased = (
                update(TELEGRAM_UPDATES)
                .where(_C.seq.in_(ids))
                .values(owner=owner, lease_until=now + lease)
                .returning(_C.seq, _C.update_id, _C.lane, _C.body)
            )
            rows = (await db.execute(leased)).mappings().all() if ids else []
        return [HeldUpdate.model_validate(dict(r)) for r in sorted(rows, key=lambda r: r["seq"])]

    async def prolong(self, owner: str, until: datetime) -> None:
        """Keep all that this process has leased and not finished."""
        await self._mine(owner, {"lease_until": until})

    async def done(self, update_id: int, now: datetime) -> None:
        """Note that an update was handled; its text is forgotten."""
        ended: dict[str, Any] = {"done_at": now, "lease_until": None, "body": {}}
        async with writing(self._engine) as db:
            await db.execute(
                update(TELEGRAM_UPDATES).where(_C.update_id == update_id).values(ended)
            )

    async def release(self, owner: str) -> None:
        """Give back what this process has leased and not finished."""
        await self._mine(owner, {"lease_until": None, "owner": ""})

    async def waiting(self) -> int:
        """Return how many are not done."""
        query = select(func.count()).select_from(TELEGRAM_UPDATES).where(_C.done_at.is_(None))
        async with reading(self._engine) as db:
            return int((await db.execute(query)).scalar_one())

    async def sweep(self, before: datetime) -> int:
        """Forget what was done before this moment."""
        old = delete(TELEGRAM_UPDATES).where(_C.done_at < before).returning(_C.seq)
        async with writing(self._engine) as db:
            return len((await db.execute(old)).all())

    async def _mine(self, owner: str, change: dict[str, Any]) -> None:
        mine = update(TELEGRAM_UPDATES).where(_C.owner == owner, _C.done_at.is_(None))
        async with writing(self._engine) as db:
            await db.execute(mine.values(change))


def _heads(now: datetime) -> Any:
    """Select what is first in its lane and leased by nobody, oldest first."""
    other = TELEGRAM_UPDATES.alias("other")
    before = select(1).where(
        other.c.lane == _C.lane, other.c.done_at.is_(None), other.c.seq < _C.seq
    )
    free = or_(_C.lease_until.is_(None), _C.lease_until <= now)
    return select(_C.seq).where(_C.done_at.is_(None), free, ~before.exists()).order_by(_C.seq)
