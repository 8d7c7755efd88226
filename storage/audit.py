"""SqlAuditLog: the trail of requests in the database; triggers there refuse any change."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.request import AuditEvent
from storage.database import reading, writing
from storage.tables import AUDIT


class SqlAuditLog:
    """Audit events; see `storage.ports.AuditLog`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def append(self, event: AuditEvent) -> None:
        """Write one event."""
        at: datetime = event.at
        values: dict[str, Any] = event.model_dump(mode="json") | {"at": at}
        async with writing(self._engine) as db:
            await db.execute(insert(AUDIT).values(values))

    async def newest(self, limit: int = 50, run_id: str | None = None) -> list[AuditEvent]:
        """Return events, newest first."""
        query = select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit)
        if run_id is not None:
            query = query.where(AUDIT.c.run_id == run_id)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [AuditEvent.model_validate(dict(row)) for row in rows]
