"""SqlRunStore: the record of runs in the database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, false, func, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.errors import DataError
from pipeline.domain.request import Actor, Claim, Run, RunStatus, TaskRecord
from storage.database import insert_into, reading, writing
from storage.run_claims import check_claim, from_now, stands
from storage.tables import RUN_NUMBERS, RUN_TASKS, RUNS

_OPEN = (RunStatus.QUEUED.value, RunStatus.RUNNING.value)


class SqlRunStore:
    """Runs and their tasks; see `storage.run_port.RunStore` for what each method promises."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(
        self, prefix: str, flow_type: str, request: dict[str, Any], actor: Actor, now: datetime,
        *, deployment: str = "", priority: int = 2,
    ) -> Run:  # fmt: skip
        """Write a queued run under a fresh id."""
        async with writing(self._engine) as db:
            run = Run(
                run_id=await self._fresh_id(db, prefix, now),
                flow_type=flow_type,
                deployment=deployment,
                priority=priority,
                status=RunStatus.QUEUED,
                request=request,
                actor=actor,
                created_at=now,
            )
            values = run.model_dump(exclude={"tasks", "request", "actor"})
            await db.execute(
                insert_into(self._engine, RUNS).values(
                    **values,
                    request=request,
                    actor=actor.model_dump(mode="json"),
                    user_id=actor.user_id,
                )
            )
        return run

    async def get(self, run_id: str) -> Run | None:
        """Return a run with its tasks, or None."""
        async with reading(self._engine) as db:
            return await _one(db, run_id)

    async def newest(
        self,
        limit: int = 10,
        user_id: int | None = None,
        status: RunStatus | None = None,
        before: str | None = None,
    ) -> list[Run]:
        """Return runs, newest first; with `before` those created before that run."""
        query = select(RUNS).order_by(RUNS.c.seq.desc()).limit(limit)
        if user_id is not None:
            query = query.where(RUNS.c.user_id == user_id)
        if status is not None:
            query = query.where(RUNS.c.status == status.value)
        if before is not None:
            other = RUNS.alias("other")
            place = select(other.c.seq).where(other.c.run_id == before).scalar_subquery()
            query = query.where(RUNS.c.seq < place)
        async with reading(self._engine) as db:
            return await _runs(db, (await db.execute(query)).all())

    async def latest(self) -> list[Run]:
        """Return the newest run of each flow and deployment."""
        newest = select(func.max(RUNS.c.seq)).group_by(RUNS.c.flow_type, RUNS.c.deployment)
        async with reading(self._engine) as db:
            rows = await db.execute(select(RUNS).where(RUNS.c.seq.in_(newest)))
            return await _runs(db, rows.all())

    async def queued_before(self, run_id: str) -> int:
        """Return how many queued runs go before this one: by priority, then age."""
        mine = RUNS.alias()
        first = (RUNS.c.priority < mine.c.priority) | (
            (RUNS.c.priority == mine.c.priority) & (RUNS.c.seq < mine.c.seq)
        )
        query = select(func.count()).where(
            mine.c.run_id == run_id, RUNS.c.status == RunStatus.QUEUED.value, first
        )
        async with reading(self._engine) as db:
            return int((await db.execute(query)).scalar_one())

    async def start(
        self, run_id: str, now: datetime, *, owner: str = "", lease: timedelta | None = None
    ) -> Run | None:
        """Turn it from queued to running; None if it was not queued."""
        change: dict[str, Any] = {
            "status": RunStatus.RUNNING.value,
            "started_at": now,
            "owner": owner,
            "lease_until": None if lease is None else from_now(self._engine, lease),
        }
        return await self._change(run_id, RUNS.c.status == RunStatus.QUEUED.value, change)

    async def renew(self, claim: Claim, lease: timedelta) -> bool:
        """Prolong a claim; False: it is lost, or the run has ended."""
        running = stands(claim) & (RUNS.c.status == RunStatus.RUNNING.value)
        query = update(RUNS).where(running).values(lease_until=from_now(self._engine, lease))
        async with writing(self._engine) as db:
            return (await db.execute(query)).rowcount == 1

    async def lapsed(self) -> list[Run]:
        """Return the running runs whose lease has run out, oldest first."""
        query = select(RUNS).where(self._run_out()).order_by(RUNS.c.seq)
        async with reading(self._engine) as db:
            return await _runs(db, (await db.execute(query)).all())

    def _run_out(self) -> ColumnElement[bool]:
        running = RUNS.c.status == RunStatus.RUNNING.value
        return running & (RUNS.c.lease_until <= from_now(self._engine, timedelta(0)))

    async def requeue(
        self, run_id: str, now: datetime, *, claim: Claim | None = None, lapsed: bool = False
    ) -> Run | None:
        """Queue it again with its task records; None if unknown or queued already."""
        del now  # the run keeps its place: it was created when it was created
        guard: ColumnElement[bool] = RUNS.c.status != RunStatus.QUEUED.value
        if claim is not None:
            guard &= stands(claim)
        if lapsed:
            guard &= self._run_out()
        change: dict[str, Any] = {
            "status": RunStatus.QUEUED.value,
            "attempt": RUNS.c.attempt + 1,
            "asked": RUNS.c.attempt + 1 if claim is None else RUNS.c.asked,
            "owner": "",
            "lease_until": None,
            "cancel_requested": false(),
            "started_at": None,
            "ended_at": None,
            "error": "",
            "report": {},
        }
        return await self._change(run_id, guard, change)

    async def finish(
        self,
        run_id: str,
        status: RunStatus,
        now: datetime,
        *,
        error: str = "",
        report: dict[str, Any] | None = None,
        claim: Claim | None = None,
    ) -> bool:
        """Write the end; the first end stays."""
        guard: ColumnElement[bool] = RUNS.c.status.in_(_OPEN)
        if claim is not None:
            guard &= stands(claim)
        change = {"status": status.value, "ended_at": now, "error": error, "report": report or {}}
        return await self._change(run_id, guard, {**change, "lease_until": None}) is not None

    async def request_cancel(self, run_id: str, now: datetime) -> Run | None:
        """Mark it; a queued run is cancelled at once."""
        queued = RUNS.c.status == RunStatus.QUEUED.value
        change = {
            "cancel_requested": true(),
            "status": case((queued, RunStatus.CANCELLED.value), else_=RUNS.c.status),
            "ended_at": case((queued, literal(now, RUNS.c.ended_at.type)), else_=RUNS.c.ended_at),
        }
        return await self._change(run_id, RUNS.c.status.in_(_OPEN), change)

    async def record_task(
        self, run_id: str, record: TaskRecord, now: datetime, claim: Claim | None = None
    ) -> None:
        """Insert or replace the record of a task; an unknown run is a DataError."""
        change = {"record": record.model_dump(mode="json"), "changed_at": now}
        async with writing(self._engine) as db:
            await check_claim(db, claim)
            if await _one(db, run_id) is None:
                raise _unknown(run_id)
            await db.execute(
                insert_into(self._engine, RUN_TASKS)
                .values(run_id=run_id, task=record.task, **change)
                .on_conflict_do_update(index_elements=["run_id", "task"], set_=change)
            )

    async def set_provenance(
        self, run_id: str, provenance: dict[str, Any], claim: Claim | None = None
    ) -> None:
        """Keep what makes the run repeatable; an unknown run is a DataError."""
        query = update(RUNS).where(RUNS.c.run_id == run_id).values(provenance=provenance)
        async with writing(self._engine) as db:
            await check_claim(db, claim)
            if (await db.execute(query)).rowcount == 0:
                raise _unknown(run_id)

    async def _fresh_id(self, db: AsyncConnection, prefix: str, now: datetime) -> str:
        day = now.astimezone(UTC).strftime("%Y_%m_%d")
        row = insert_into(self._engine, RUN_NUMBERS).values(prefix=prefix, day=day, last=1)
        counted = row.on_conflict_do_update(
            index_elements=["prefix", "day"], set_={"last": RUN_NUMBERS.c.last + 1}
        ).returning(RUN_NUMBERS.c.last)
        number = (await db.execute(counted)).scalar_one()
        return f"{prefix}_{day}_{number:03d}"

    async def _change(self, run_id: str, guard: Any, change: dict[str, Any]) -> Run | None:
        """Change the run if the guard holds at that moment; return it as it is then."""
        query = update(RUNS).where(RUNS.c.run_id == run_id, guard).values(change)
        async with writing(self._engine) as db:
            found = (await db.execute(query.returning(RUNS))).all()
            return (await _runs(db, found))[0] if found else None


async def _one(db: AsyncConnection, run_id: str) -> Run | None:
    found = (await db.execute(select(RUNS).where(RUNS.c.run_id == run_id))).all()
    return (await _runs(db, found))[0] if found else None


async def _runs(db: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Run]:
    """Build the runs of these rows with their tasks, in the rows' order."""
    tasks: dict[str, list[TaskRecord]] = {row.run_id: [] for row in rows}
    query = select(RUN_TASKS).where(RUN_TASKS.c.run_id.in_(tasks)).order_by(RUN_TASKS.c.seq)
    for task in (await db.execute(query)).all() if tasks else ():
        tasks[task.run_id].append(TaskRecord.model_validate(task.record))
    return [
        Run.model_validate({**row._mapping, "tasks": tuple(tasks[row.run_id])})  # noqa: SLF001 - its public API
        for row in rows
    ]


def _unknown(run_id: str) -> DataError:
    return DataError(f"There is no run {run_id}.", run_id=run_id)
