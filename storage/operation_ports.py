"""The ports of operation: schedules, deployments, tokens of the HTTP entry."""

from datetime import datetime
from typing import Literal, Protocol

from pipeline.domain.deployment import DeploymentEntry
from pipeline.domain.schedule import Fire, Schedule


class ScheduleStore(Protocol):
    """Schedules by name, and each of their times exactly once."""

    async def put(self, schedule: Schedule, now: datetime) -> bool:
        """Write or replace one; False if the same was held. Its times so far stay.

        What is replaced passes on since when it counts; see `Schedule.replacing`.
        """
        ...

    async def get(self, name: str) -> Schedule | None:
        """Return one, or None."""
        ...

    async def all(self) -> list[Schedule]:
        """Return all, by name."""
        ...

    async def remove(self, name: str) -> bool:
        """Forget one with its times; False: there was none."""
        ...

    async def set_paused(self, name: str, now: datetime, *, paused: bool) -> bool:
        """Pause or resume; False: there is none."""
        ...

    async def claim(self, name: str, due: datetime, now: datetime) -> bool:
        """Take a time; of all who ask for the same one, in any process, exactly one gets True.

        One that was claimed `CLAIM_LASTS` ago and never noted (its process died) is free again,
        and so is one that waits.
        """
        ...

    async def note(self, fire: Fire) -> None:
        """Write what became of a claimed time."""
        ...

    async def fires(self, name: str, limit: int = 10, outcome: str | None = None) -> list[Fire]:
        """Return the newest times (of one outcome), newest first."""
        ...

    async def unfinished(self, now: datetime) -> list[Fire]:
        """Return the claimed times of all that are free again, oldest first."""
        ...

    async def forget_fires(self, before: datetime) -> int:
        """Forget older times, but each schedule's newest; return how many."""
        ...


class DeploymentStore(Protocol):
    """What is registered, by name."""

    async def put(self, entry: DeploymentEntry) -> None:
        """Write or replace one."""
        ...

    async def get(self, name: str) -> DeploymentEntry | None:
        """Return one, or None."""
        ...

    async def all(self) -> list[DeploymentEntry]:
        """Return all, by name."""
        ...

    async def set_status(self, name: str, status: Literal["active", "paused"]) -> bool:
        """Pause or resume; False: there is none."""
        ...

    async def remove(self, name: str) -> bool:
        """Forget one; False: there was none."""
        ...
