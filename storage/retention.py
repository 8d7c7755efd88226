"""SqlRetention: what is kept for a time only, in the database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table, delete, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.request import RunStatus
from storage.database import is_sqlite, reading, writing
from storage.live_tables import COOLDOWNS, LABELED_TRADES, PULSES, SIGNALS
from storage.model_tables import MODEL_VERSIONS
from storage.operation_tables import REQUEST_KEYS, SCHEDULE_FIRES, TELEGRAM_UPDATES
from storage.outside_tables import ANALYSES, ANALYST_SPENDING
from storage.tables import MEMORIES, OUTBOX, OWED, RUN_TASKS, RUNS
from storage.upkeep_ports import PASSING, Kind, Pointers

Old: TypeAlias = Callable[[datetime], ColumnElement[bool]]
_OPEN = (RunStatus.QUEUED.value, RunStatus.RUNNING.value)


class SqlRetention:
    """Old rows, found and forgotten; see `storage.upkeep_ports.RetentionStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def pointers(self) -> Pointers:
        """Return which runs something points to."""
        live = MODEL_VERSIONS.c.removed_at.is_(None)
        owed = select(OUTBOX.c.payload["run_id"].as_string()).where(OUTBOX.c.state == OWED)
        async with reading(self._engine) as db:
            admitted = await _all(db, select(SIGNALS.c.record["run_id"].as_string()).distinct())
            replayed = await _all(db, select(SIGNALS.c.origin).distinct())
            return Pointers(
                models=await _all(db, select(MODEL_VERSIONS.c.run_id).where(live)),
                labels=await _all(db, select(LABELED_TRADES.c.run_id).distinct()),
                signals=admitted | replayed,
                deliveries=await _all(db, owed),
                request_keys=await _all(db, select(REQUEST_KEYS.c.run_id)),
            )

    async def old_runs(self, before: datetime) -> list[str]:
        """Return the runs that ended before that, oldest first."""
        query = select(RUNS.c.run_id).where(_ended(before)).order_by(RUNS.c.seq)
        async with reading(self._engine) as db:
            return list((await db.execute(query)).scalars())

    async def forget_runs(self, run_ids: Sequence[str], before: datetime) -> int:
        """Forget runs with their tasks; one that was queued again meanwhile stays."""
        mine = RUNS.c.run_id.in_(run_ids), _ended(before)
        async with writing(self._engine) as db:
            found = select(RUNS.c.run_id).where(*mine).with_for_update()
            gone = (await db.execute(found)).scalars().all()
            await db.execute(delete(RUN_TASKS).where(RUN_TASKS.c.run_id.in_(gone)))
            await db.execute(delete(RUNS).where(RUNS.c.run_id.in_(gone)))
        return len(gone)

    async def count(self, kind: Kind, before: datetime) -> int:
        """Return how many rows of a kind are old."""
        table, old = _KINDS[kind]
        query = select(func.count()).select_from(table).where(old(before))
        async with reading(self._engine) as db:
            return int((await db.execute(query)).scalar_one())

    async def forget(self, kind: Kind, before: datetime, limit: int) -> int:
        """Forget some; they are looked for before the one write lock is taken."""
        table, old = _KINDS[kind]
        row: ColumnElement[Any] = literal_column("rowid" if is_sqlite(self._engine) else "ctid")
        some: Any = select(row).select_from(table).where(old(before)).limit(limit)
        if is_sqlite(self._engine):
            async with reading(self._engine) as db:
                some = (await db.execute(some)).scalars().all()
            if not some:
                return 0
        async with writing(self._engine) as db:
            return (await db.execute(delete(table).where(row.in_(some), old(before)))).rowcount


async def _all(db: AsyncConnection, query: Any) -> frozenset[str]:
    return frozenset(each for each in (await db.execute(query)).scalars() if each)


def _ended(before: datetime) -> ColumnElement[bool]:
    return RUNS.c.status.not_in(_OPEN) & (RUNS.c.ended_at < before)


def _settled(state: str) -> Old:
    return lambda before: (OUTBOX.c.state == state) & (OUTBOX.c.done_at < before)


def _passing(before: datetime) -> ColumnElement[bool]:
    key = MEMORIES.c.key
    return (MEMORIES.c.at < before) & or_(*(key.startswith(each) for each in PASSING))


def _not_the_newest(before: datetime) -> ColumnElement[bool]:
    later = SCHEDULE_FIRES.alias("later")
    newest = select(func.max(later.c.due)).where(later.c.schedule == SCHEDULE_FIRES.c.schedule)
    return (SCHEDULE_FIRES.c.due < before) & (SCHEDULE_FIRES.c.due < newest.scalar_subquery())


def _warm_again(before: datetime) -> ColumnElement[bool]:
    """A cooldown long over, whose replay isn't still on its way through past markets."""
    under_way = select(RUNS.c.run_id).where(RUNS.c.status.in_(_OPEN))
    return (COOLDOWNS.c.until < before) & COOLDOWNS.c.origin.not_in(under_way)


_KINDS: Mapping[Kind, tuple[Table, Old]] = {
    Kind.SENT: (OUTBOX, _settled("sent")),
    Kind.GIVEN_UP: (OUTBOX, _settled("failed")),
    Kind.MEMORIES: (MEMORIES, _passing),
    Kind.REQUEST_KEYS: (REQUEST_KEYS, lambda before: REQUEST_KEYS.c.at < before),
    Kind.FIRES: (SCHEDULE_FIRES, _not_the_newest),
    Kind.COOLDOWNS: (COOLDOWNS, _warm_again),
    Kind.PULSES: (PULSES, lambda before: PULSES.c.at < before),
    Kind.UPDATES: (TELEGRAM_UPDATES, lambda before: TELEGRAM_UPDATES.c.done_at < before),
    Kind.ANALYSES: (ANALYSES, lambda before: ANALYSES.c.at < before),
    Kind.SPENDING: (ANALYST_SPENDING, lambda before: ANALYST_SPENDING.c.at < before),
}
