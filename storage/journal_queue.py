"""SqlJournalQueue: pages owed to the journal, in the database, so that no crash loses one.

How an entry lives: `owe` writes it as owed; `claim` leases it; whoever writes the page keeps how
far it is with `note`, and says `done`, `retry` (not before a moment) or `fail` (until a person has
it revived). A writer that dies leaves a lease that runs out. One that lost its lease meanwhile is
told so at its next step: of two writers of a page one writes.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.journal import (
    JournalEntry,
    JournalStanding,
    JournalTrouble,
    PageState,
    QueuedEntry,
)
from storage.database import insert_into, is_sqlite, reading, writing
from storage.outside_tables import JOURNAL_ENTRIES
from storage.tables import Moment

_C = JOURNAL_ENTRIES.c
_OWED, _DONE, _FAILED = "owed", "done", "failed"
_ROW = (_C.id, _C.entry, _C.page, _C.attempts, _C.revision, _C.leases, _C.created_at)


class SqlJournalQueue:
    """Pages owed to the journal; see `storage.journal_ports.JournalQueue`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def owe(self, entry: JournalEntry, now: datetime) -> bool:
        """Owe a page; False if the same is owed or written already."""
        dumped = json.loads(entry.model_dump_json())  # as it comes back, dates as text
        async with writing(self._engine) as db:
            fresh = insert_into(self._engine, JOURNAL_ENTRIES).values(
                key=entry.key, kind=entry.kind.value, entry=dumped, revision=1, page={},
                state=_OWED, attempts=0, due_at=now, leases=0, error="", created_at=now,
            )  # fmt: skip
            query = fresh.on_conflict_do_nothing(index_elements=["key"]).returning(_C.id)
            if (await db.execute(query)).first() is not None:
                return True
            kept = select(_C.entry, _C.state).where(_C.key == entry.key).with_for_update()
            row = (await db.execute(kept)).one()
            if row.state != _FAILED and row.entry == dumped:
                return False
            await db.execute(
                update(JOURNAL_ENTRIES).where(_C.key == entry.key).values(
                    entry=dumped, revision=_C.revision + 1, state=_OWED, attempts=0, due_at=now,
                    error="",
                )
            )  # fmt: skip
        return True

    async def claim(
        self, now: datetime, *, lease: timedelta, limit: int = 1, key: str = ""
    ) -> list[QueuedEntry]:
        """Lease what is due, oldest first."""
        free = (_C.state == _OWED) & or_(_C.lease_until.is_(None), _C.lease_until <= now)
        wanted = _C.key == key if key else _C.due_at <= now
        heads = select(_C.id).where(free, wanted).order_by(_C.due_at, _C.id).limit(limit)
        async with reading(self._engine) as db:
            # Most polls find nothing: they shall not take a lock.
            if (await db.execute(heads.limit(1))).first() is None:
                return []
        async with writing(self._engine) as db:
            if not is_sqlite(self._engine):
                heads = heads.with_for_update(skip_locked=True)
            ids = (await db.execute(heads)).scalars().all()
            leased = (
                update(JOURNAL_ENTRIES).where(_C.id.in_(ids), free)
                .values(lease_until=now + lease, leases=_C.leases + 1).returning(*_ROW)
            )  # fmt: skip
            rows = (await db.execute(leased)).all()
        return sorted((_queued(row) for row in rows), key=lambda queued: queued.id)

    async def note(
        self, queued: QueuedEntry, state: PageState, now: datetime, *, lease: timedelta
    ) -> bool:
        """Keep how far a page is, and prolong its lease; False: the lease is lost."""
        change = {"page": state.model_dump(mode="json"), "lease_until": now + lease}
        return await self._settle(queued, change)

    async def done(self, queued: QueuedEntry, state: PageState, now: datetime) -> bool:
        """Mark a page written; False if it was owed anew meanwhile and stays owed."""
        page = {"page": state.model_dump(mode="json"), "lease_until": None, "error": ""}
        change = {**page, "state": _DONE, "attempts": 0, "done_at": now}
        if await self._settle(queued, change, _C.revision == queued.revision):
            return True
        await self._settle(queued, page)
        return False

    async def retry(self, queued: QueuedEntry, at: datetime, error: str) -> None:
        """Give it back, not before `at`; what was owed anew meanwhile is due at once."""
        again = {"attempts": _C.attempts + int(bool(error)), "due_at": at, "error": error}
        free = {"lease_until": None}
        if not await self._settle(queued, {**again, **free}, _C.revision == queued.revision):
            await self._settle(queued, free)

    async def fail(self, queued: QueuedEntry, now: datetime, error: str) -> None:
        """Give up on it, with the reason; not if it was owed anew meanwhile."""
        free = {"lease_until": None}
        change = {**free, "state": _FAILED, "error": error, "done_at": now}
        if not await self._settle(queued, change, _C.revision == queued.revision):
            await self._settle(queued, free)

    async def revive(self, now: datetime) -> int:
        """Owe all that was given up again."""
        query = update(JOURNAL_ENTRIES).where(_C.state == _FAILED)
        again = query.values(state=_OWED, attempts=0, due_at=now, error="", lease_until=None)
        async with writing(self._engine) as db:
            return int((await db.execute(again)).rowcount)

    async def page_of(self, key: str) -> PageState | None:
        """Return the page of a run or signal, or None where none is known to be there."""
        async with reading(self._engine) as db:
            page = (await db.execute(select(_C.page).where(_C.key == key))).scalar_one_or_none()
        state = PageState.model_validate(page or {})
        return state if state.page_id else None

    async def pending(self) -> int:
        """Return how many are owed."""
        async with reading(self._engine) as db:
            return await _count(db, _C.state == _OWED)

    async def standing(self, limit: int = 5) -> JournalStanding:
        """Return the counts, and the newest troubles."""
        oldest = select(func.min(_C.created_at, type_=Moment)).where(_C.state == _OWED)
        troubled = (
            select(_C.key, _C.error, _C.state, _C.due_at).where(_C.error != "")
            .order_by(_C.id.desc()).limit(limit)
        )  # fmt: skip
        async with reading(self._engine) as db:
            return JournalStanding(
                written=await _count(db, _C.state == _DONE),
                owed=await _count(db, _C.state == _OWED),
                given_up=await _count(db, _C.state == _FAILED),
                oldest_owed=(await db.execute(oldest)).scalar_one(),
                troubles=tuple(
                    JournalTrouble(
                        key=row.key, error=row.error, given_up=row.state == _FAILED,
                        due_at=row.due_at,
                    )
                    for row in await db.execute(troubled)
                ),
            )  # fmt: skip

    async def _settle(
        self, queued: QueuedEntry, change: dict[str, Any], *guards: ColumnElement[bool]
    ) -> bool:
        """Write under our lease; False: it is lost, or a guard doesn't hold."""
        query = update(JOURNAL_ENTRIES).where(
            _C.id == queued.id, _C.leases == queued.lease, _C.lease_until.is_not(None), *guards
        )
        async with writing(self._engine) as db:
            return bool((await db.execute(query.values(change))).rowcount)


async def _count(db: AsyncConnection, where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(JOURNAL_ENTRIES).where(where)
    return int((await db.execute(query)).scalar_one())


def _queued(row: Any) -> QueuedEntry:
    return QueuedEntry(
        id=row.id, entry=JournalEntry.model_validate(row.entry),
        state=PageState.model_validate(row.page), attempts=row.attempts, revision=row.revision,
        lease=row.leases, created_at=row.created_at,
    )  # fmt: skip
