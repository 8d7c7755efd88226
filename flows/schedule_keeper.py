"""Keeping schedules in this process: a timer for each, and what was missed, waits or was left.

Without a Prefect server this is what keeps them. With one, Prefect's own schedules do (see
`flows.schedule_sync`) and this comes a while behind them, for what they leave out: it makes the
result the same whichever keeps them.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from flows.built_in_schedules import keep_built_ins
from flows.scheduling import finish_left, fire_due
from flows.services import Services
from pipeline.domain.schedule import Schedule
from pipeline.schedule_times import next_times
from storage.telemetry import get_logger

log = get_logger(__name__)
FOLLOW = 2.0
"""Seconds between two looks at what was changed."""
LEFT = timedelta(seconds=10)
KEPT = timedelta(days=90)
"""So long each time and what became of it is kept."""
BEHIND = timedelta(seconds=30)
"""How far behind Prefect's schedules."""


class Times(BaseTrigger):  # type: ignore[misc]  # the scheduler has no types
    """A schedule's times for APScheduler, which calls our rule instead of its own."""

    def __init__(self, schedule: Schedule, behind: timedelta) -> None:
        self._schedule = schedule
        self._behind = behind

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return the next time later than now and the one before."""
        after = now if previous_fire_time is None else max(now, previous_fire_time)
        found = next_times(self._schedule, after.astimezone(UTC) - self._behind)
        return found[0] + self._behind if found else None


class ScheduleKeeper:
    """The timers of one process. Any number of processes may keep them: each time is claimed."""

    def __init__(self, services: Services, *, behind: timedelta = timedelta(0)) -> None:
        self._services = services
        self._behind = behind
        self._known: dict[str, Schedule] = {}
        self._left_at: datetime | None = None
        self._forgot_at: datetime | None = None
        self.scheduler = AsyncIOScheduler(timezone="UTC")

    async def keep(self) -> None:
        """Keep them until cancelled."""
        self.scheduler.start()
        try:
            while True:
                try:
                    await self.follow()
                except Exception:
                    log.exception("schedules_not_followed")
                await asyncio.sleep(FOLLOW)
        finally:
            self.scheduler.shutdown(wait=False)

    async def follow(self) -> None:
        """Take up what was added, changed, paused or removed; of new ones, what was missed."""
        services, now = self._services, self._services.clock()
        await self._look_back(now)
        found = {one.name: one for one in await services.schedules.all() if not one.paused}
        for name in self._known.keys() - found.keys():
            del self._known[name]
            self.scheduler.remove_job(name)
        for name, schedule in found.items():
            if self._known.get(name) != schedule:
                self._known[name] = schedule
                self.scheduler.add_job(
                    self._fire, Times(schedule, self._behind), (name,), id=name,
                    replace_existing=True, coalesce=True, misfire_grace_time=None,
                )  # fmt: skip
                await self._fire(name)

    async def _fire(self, name: str) -> None:
        try:
            await fire_due(name, self._services, self._services.clock() - self._behind)
        except Exception:
            log.exception("schedule_not_fired", schedule=name)

    async def _look_back(self, now: datetime) -> None:
        """Keep to the settings; take up what waits or was left; forget what is old."""
        if self._left_at is None or now >= self._left_at + LEFT:
            self._left_at = now
            await keep_built_ins(self._services, now)
            await finish_left(self._services, now)
        if self._forgot_at is None or now >= self._forgot_at + timedelta(days=1):
            self._forgot_at = now
            await self._services.schedules.forget_fires(now - KEPT)
