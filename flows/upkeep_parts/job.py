"""One upkeep under way: what its parts are given, and small steps with pauses between them."""

import time
from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from flows.services import Services
from flows.tasks import Stop

T = TypeVar("T")
ROWS_AT_ONCE = 500  # some milliseconds of the one writer's time on SQLite
_SHORTEST = 0.01
_LONGEST = 0.5


@dataclass(frozen=True)
class Job:
    """An upkeep of this moment. With `dry` nothing is changed, and the figures are the same."""

    services: Services
    now: datetime
    dry: bool
    stop: Stop

    def before(self, days: int) -> datetime:
        """Return the moment so many days ago."""
        return self.now - timedelta(days=days)

    async def all_of(self, things: Sequence[T], step: Callable[[Sequence[T]], Awaitable[None]],
                     at_once: int = ROWS_AT_ONCE) -> None:  # fmt: skip
        """Do the step to all things, some at once."""
        for first in range(0, len(things), at_once):
            await self._pausing(step(things[first : first + at_once]))

    async def until_none(self, step: Callable[[], Awaitable[int]]) -> int:
        """Repeat a step until it has found nothing; return the sum."""
        total = 0
        while found := await self._pausing(step()):
            total += found
        return total

    async def _pausing(self, work: Awaitable[T]) -> T:
        """Do one step, then leave others as much time as it took: alerts must not wait."""
        self.stop.check()
        began = time.monotonic()
        done = await work
        await sleep(min(max(time.monotonic() - began, _SHORTEST), _LONGEST))
        return done
