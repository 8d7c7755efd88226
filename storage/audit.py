"""SqlAuditLog: the trail of requests in the database; triggers there refuse any change."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.audit_chain import ChainVerdict
from pipeline.domain.request import AuditEvent
from storage.audit_chain import START, ChainCheck, Told, chained
from storage.database import alone, reading, writing
from storage.operation_tables import AUDIT_CHAIN
from storage.tables import AUDIT

_LOCK = 7_205_759_404
_PAGE = 1000


class SqlAuditLog:
    """Audit events; see `storage.ports.AuditLog`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def append(self, event: AuditEvent) -> None:
        """Write one event and its place in the chain, in one transaction."""
        at: datetime = event.at
        values: dict[str, Any] = event.model_dump(mode="json") | {"at": at}
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            done = await db.execute(insert(AUDIT).values(values))
            (seq,) = done.inserted_primary_key or (0,)
            await link_from(db, seq)

    async def newest(self, limit: int = 50, run_id: str | None = None) -> list[AuditEvent]:
        """Return events, newest first."""
        query = select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit)
        if run_id is not None:
            query = query.where(AUDIT.c.run_id == run_id)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [AuditEvent.model_validate(dict(row)) for row in rows]

    async def verify(self, wanted: str = "") -> ChainVerdict:
        """Read the trail from its first event on and tell where it isn't what was written."""
        check, after = ChainCheck(wanted), 0
        async with reading(self._engine) as db:
            while rows := await _page(db, after):
                check.read(rows)
                after = rows[-1][0]
        return check.verdict()


async def link_from(db: AsyncConnection, first: int) -> None:
    """Put the events from a number on into the chain, as the store gives them back."""
    query = select(AUDIT_CHAIN.c.sha256).order_by(AUDIT_CHAIN.c.seq.desc()).limit(1)
    head = (await db.execute(query)).scalar_one_or_none() or START
    events = select(AUDIT).where(AUDIT.c.seq >= first).order_by(AUDIT.c.seq)
    for row in (await db.execute(events)).mappings().all():
        head = chained(head, row["seq"], dict(row))
        await db.execute(insert(AUDIT_CHAIN).values(seq=row["seq"], sha256=head))


async def _page(db: AsyncConnection, after: int) -> list[tuple[int, Told | None, str | None]]:
    """Return the next events with their hashes by number; either may be gone."""
    both = AUDIT.outerjoin(AUDIT_CHAIN, AUDIT.c.seq == AUDIT_CHAIN.c.seq, full=True)
    seq = func.coalesce(AUDIT.c.seq, AUDIT_CHAIN.c.seq)
    query = (
        select(AUDIT, seq.label("number"), AUDIT_CHAIN.c.sha256)
        .select_from(both)
        .where(seq > after)
        .order_by(seq)
        .limit(_PAGE)
    )
    rows = (await db.execute(query)).mappings().all()
    return [
        (
            int(row["number"]),
            None if row["action"] is None else dict(row),
            row["sha256"],
        )
        for row in rows
    ]
