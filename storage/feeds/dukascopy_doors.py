"""Two ways to Dukascopy's prices: while one doesn't answer, the other is asked."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from pipeline.domain.errors import AppError, FeedDownError, FeedRefusedError
from storage.feeds.dukascopy import Door
from storage.feeds.dukascopy_files import Candles, Ticks
from storage.telemetry import get_logger

log = get_logger(__name__)
T = TypeVar("T")
REST = 900.0
"""Seconds for which a door that didn't answer is left alone while another does."""


class Doors:
    """See `storage.feeds.dukascopy.Door`.

    Parameters
    ----------
    doors
        The first is asked first.
    seconds
        A monotonic clock.

    Notes
    -----
    What one door doesn't have, the next is asked for too: that a file is missing may be the door's
    fault, and few are.
    """

    def __init__(
        self, doors: Sequence[Door], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._doors = tuple(doors)
        self._seconds = seconds
        self._rests = [float("-inf")] * len(self._doors)

    async def candles(self, name: str, day: date, side: str) -> Candles | None:
        """Return a day's candles; None: no door has them."""
        return await self._asked(lambda door: door.candles(name, day, side))

    async def ticks(self, name: str, hour: datetime) -> Ticks | None:
        """Return an hour's ticks; None: no door has them."""
        return await self._asked(lambda door: door.ticks(name, hour))

    async def about(self, name: str) -> Mapping[str, Any] | None:
        """Return what the first door that says something says of a symbol."""
        return await self._asked(lambda door: door.about(name))

    async def close(self) -> None:
        """Let go of connections."""
        for door in self._doors:
            await door.close()

    async def _asked(self, ask: Callable[[Door], Awaitable[T | None]]) -> T | None:
        """Return the first answer that holds something.

        1. A door has it: that is the answer.
        2. One that answers hasn't: None, if no other has.
        3. None answers: the error of the first that was asked.
        """
        awake = [i for i, rest in enumerate(self._rests) if rest <= self._seconds()]
        answered, failure = False, None
        for i in awake or range(len(self._doors)):
            try:
                found = await ask(self._doors[i])
            except (FeedDownError, FeedRefusedError) as error:
                failure = self._rested(i, error, failure)
                continue
            answered = True
            if found is not None:
                return found
        if not answered and failure is not None:
            raise failure
        return None

    def _rested(self, i: int, error: AppError, before: AppError | None) -> AppError:
        """Let a door rest that doesn't answer; return the first error."""
        log.info("door_rests", door=type(self._doors[i]).__name__, error=error.user_text)
        self._rests[i] = self._seconds() + REST
        return before or error
