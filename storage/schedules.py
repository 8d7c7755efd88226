"""SqlScheduleStore: schedules and each of their times, in the database."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.schedule import CLAIM_LASTS, Fire, Schedule
from storage.database import insert_into, reading, writing
from storage.operation_tables import SCHEDULE_FIRES as FIRES
from storage.operation_tables import SCHEDULES


class SqlScheduleStore:
    """Schedules by name; see `storage.operation_ports.ScheduleStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, schedule: Schedule, now: datetime) -> bool:
        """Write or replace one; False if the same was held."""
        async with writing(self._engine) as db:
            held = await _held(db, schedule.name)
            wanted = schedule.replacing(held, now)
            if wanted == held:
                return False
            change = {
                "spec": wanted.model_dump(mode="json"),
                "paused": wanted.paused,
                "changed_at": now,
            }
            row = insert_into(self._engine, SCHEDULES).values(name=wanted.name, **change)
            await db.execute(row.on_conflict_do_update(index_elements=["name"], set_=change))
        return True

    async def get(self, name: str) -> Schedule | None:
        """Return one, or None."""
        async with reading(self._engine) as db:
            return await _held(db, name)

    async def all(self) -> list[Schedule]:
        """Return all, by name."""
        async with reading(self._engine) as db:
            rows = (await db.execute(select(SCHEDULES.c.spec))).scalars().all()
        found = [Schedule.model_validate(row) for row in rows]
        return sorted(found, key=lambda one: one.name)  # here: databases sort words differently

    async def remove(self, name: str) -> bool:
        """Forget one with its times."""
        async with writing(self._engine) as db:
            await db.execute(delete(FIRES).where(FIRES.c.schedule == name))
            gone = await db.execute(delete(SCHEDULES).where(SCHEDULES.c.name == name))
        return gone.rowcount > 0

    async def set_paused(self, name: str, now: datetime, *, paused: bool) -> bool:
        """Pause or resume; False: there is none."""
        async with writing(self._engine) as db:
            held = await _held(db, name)
            if held is None:
                return False
            spec = held.with_pause(now, paused=paused).model_dump(mode="json")
            change = {"spec": spec, "paused": paused, "changed_at": now}
            await db.execute(update(SCHEDULES).where(SCHEDULES.c.name == name).values(change))
        return True

    async def claim(self, name: str, due: datetime, now: datetime) -> bool:
        """Take a time."""
        row = insert_into(self._engine, FIRES).values(
            schedule=name, due=due, at=now, outcome="claimed", run_id="", reason=""
        )
        taken = row.on_conflict_do_update(
            index_elements=["schedule", "due"],
            set_={"at": now, "outcome": "claimed"},
            where=_free(now),
        ).returning(FIRES.c.due)
        async with writing(self._engine) as db:
            return (await db.execute(taken)).first() is not None

    async def note(self, fire: Fire) -> None:
        """Write what became of a claimed time."""
        change = {
            "at": fire.at, "outcome": fire.outcome, "run_id": fire.run_id, "reason": fire.reason,
        }  # fmt: skip
        row = insert_into(self._engine, FIRES).values(
            schedule=fire.schedule, due=fire.due, **change
        )
        async with writing(self._engine) as db:
            await db.execute(
                row.on_conflict_do_update(index_elements=["schedule", "due"], set_=change)
            )

    async def fires(self, name: str, limit: int = 10, outcome: str | None = None) -> list[Fire]:
        """Return the newest times (of one outcome), newest first."""
        query = select(FIRES).where(FIRES.c.schedule == name).order_by(FIRES.c.due.desc())
        if outcome is not None:
            query = query.where(FIRES.c.outcome == outcome)
        async with reading(self._engine) as db:
            rows = (await db.execute(query.limit(limit))).mappings().all()
        return [Fire.model_validate(dict(row)) for row in rows]

    async def unfinished(self, now: datetime) -> list[Fire]:
        """Return the claimed times of all that are free again, oldest first."""
        query = select(FIRES).where(_free(now)).order_by(FIRES.c.due, FIRES.c.schedule)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [Fire.model_validate(dict(row)) for row in rows]

    async def forget_fires(self, before: datetime) -> int:
        """Forget older times, but each schedule's newest."""
        newest = select(FIRES.c.schedule, func.max(FIRES.c.due)).group_by(FIRES.c.schedule)
        old = tuple_(FIRES.c.schedule, FIRES.c.due).not_in(newest)
        async with writing(self._engine) as db:
            gone = await db.execute(delete(FIRES).where(FIRES.c.due < before, old))
        return gone.rowcount


def _free(now: datetime) -> ColumnElement[bool]:
    left = (FIRES.c.outcome == "claimed") & (FIRES.c.at <= now - CLAIM_LASTS)
    return left | (FIRES.c.outcome == "waiting")


async def _held(db: AsyncConnection, name: str) -> Schedule | None:
    """Return the schedule; in a transaction that writes nobody changes it meanwhile."""
    query = select(SCHEDULES.c.spec).where(SCHEDULES.c.name == name)
    spec = (await db.execute(query.with_for_update())).scalar_one_or_none()
    return None if spec is None else Schedule.model_validate(spec)
