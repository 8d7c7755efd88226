"""MemoryScheduleStore: schedules and each of their times, in memory."""

from datetime import datetime

from pipeline.domain.schedule import CLAIM_LASTS, Fire, Schedule


class MemoryScheduleStore:
    """Schedules by name; see `storage.operation_ports.ScheduleStore`."""

    def __init__(self) -> None:
        self._schedules: dict[str, Schedule] = {}
        self._fires: dict[tuple[str, datetime], Fire] = {}

    async def put(self, schedule: Schedule, now: datetime) -> bool:
        """Write or replace one; False if the same was held."""
        held = self._schedules.get(schedule.name)
        wanted = schedule.replacing(held, now)
        self._schedules[schedule.name] = wanted.model_copy(deep=True)
        return wanted != held

    async def get(self, name: str) -> Schedule | None:
        """Return one, or None."""
        return self._schedules.get(name)

    async def all(self) -> list[Schedule]:
        """Return all, by name."""
        return [schedule for _, schedule in sorted(self._schedules.items())]

    async def remove(self, name: str) -> bool:
        """Forget one with its times."""
        self._fires = {key: fire for key, fire in self._fires.items() if key[0] != name}
        return self._schedules.pop(name, None) is not None

    async def set_paused(self, name: str, now: datetime, *, paused: bool) -> bool:
        """Pause or resume; False: there is none."""
        held = self._schedules.get(name)
        if held is not None:
            self._schedules[name] = held.with_pause(now, paused=paused)
        return held is not None

    async def claim(self, name: str, due: datetime, now: datetime) -> bool:
        """Take a time."""
        held = self._fires.get((name, due))
        if held is not None and not _free(held, now):
            return False
        self._fires[name, due] = Fire(schedule=name, due=due, at=now, outcome="claimed")
        return True

    async def note(self, fire: Fire) -> None:
        """Write what became of a claimed time."""
        self._fires[fire.schedule, fire.due] = fire

    async def fires(self, name: str, limit: int = 10, outcome: str | None = None) -> list[Fire]:
        """Return the newest times (of one outcome), newest first."""
        own = [
            fire
            for fire in self._fires.values()
            if fire.schedule == name and outcome in (None, fire.outcome)
        ]
        return sorted(own, key=lambda fire: fire.due, reverse=True)[:limit]

    async def unfinished(self, now: datetime) -> list[Fire]:
        """Return the claimed times of all that are free again, oldest first."""
        free = [fire for fire in self._fires.values() if _free(fire, now)]
        return sorted(free, key=lambda fire: (fire.due, fire.schedule))

    async def forget_fires(self, before: datetime) -> int:
        """Forget older times, but each schedule's newest."""
        newest: dict[str, datetime] = {}
        for name, due in self._fires:
            newest[name] = max(due, newest.get(name, due))
        old = [key for key in self._fires if key[1] < before and key[1] != newest[key[0]]]
        for key in old:
            del self._fires[key]
        return len(old)


def _free(fire: Fire, now: datetime) -> bool:
    left = fire.outcome == "claimed" and fire.at <= now - CLAIM_LASTS
    return left or fire.outcome == "waiting"
