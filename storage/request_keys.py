"""SqlRequestKeys: keys under which a request is carried out once, in the database."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.entry import HeldKey
from storage.database import insert_into, reading, writing
from storage.operation_tables import REQUEST_KEYS

_C = REQUEST_KEYS.c


class SqlRequestKeys:
    """Keys of requests; see `storage.entry_ports.RequestKeys`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(
        self, key: str, sha256: str, now: datetime, *, since: datetime
    ) -> HeldKey | None:
        """Take a key, or return who holds it."""
        taken = {"sha256": sha256, "run_id": "", "at": now}
        row = insert_into(self._engine, REQUEST_KEYS).values(key=key, **taken)
        mine = row.on_conflict_do_update(
            index_elements=["key"], set_=taken, where=_C.at < since
        ).returning(_C.key)
        while True:
            async with writing(self._engine) as db:
                if (await db.execute(mine)).first() is not None:
                    return None
            held = await self._held(key)
            if held is not None:  # else it was released meanwhile
                return held

    async def fill(self, key: str, run_id: str) -> None:
        """Note which run the request became."""
        async with writing(self._engine) as db:
            await db.execute(update(REQUEST_KEYS).where(_C.key == key).values(run_id=run_id))

    async def release(self, key: str) -> None:
        """Forget a key whose request became no run; a filled one stays."""
        async with writing(self._engine) as db:
            await db.execute(delete(REQUEST_KEYS).where(_C.key == key, _C.run_id == ""))

    async def sweep(self, before: datetime) -> int:
        """Forget what was claimed before this moment."""
        async with writing(self._engine) as db:
            gone = await db.execute(delete(REQUEST_KEYS).where(_C.at < before).returning(_C.key))
            return len(gone.all())

    async def _held(self, key: str) -> HeldKey | None:
        async with reading(self._engine) as db:
            row = (await db.execute(select(REQUEST_KEYS).where(_C.key == key))).mappings().first()
        return None if row is None else HeldKey.model_validate(dict(row))
