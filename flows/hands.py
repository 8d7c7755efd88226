"""Working through many pieces of one task, some at a time, while telling how far it is."""

import asyncio
from collections.abc import Awaitable, Callable

TELL_EVERY = 1.0


async def in_hands(
    hands: int,
    waiting: list[int],
    work: Callable[[int], Awaitable[None]],
    tell: Callable[[], Awaitable[None]],
) -> None:
    """Take pieces from the end of `waiting` until it is empty; the first failure ends all.

    A hand has one piece under way, so that other runs get their turn at the processes. `tell` is
    called at once, then every second.
    """

    async def hand() -> None:
        while waiting:
            await work(waiting.pop())

    async def telling() -> None:
        while True:
            await tell()
            await asyncio.sleep(TELL_EVERY)

    teller = asyncio.create_task(telling())
    working = [asyncio.create_task(hand()) for _ in range(hands)]
    try:
        await asyncio.gather(*working)
    finally:
        for task in (teller, *working):
            task.cancel()
        await asyncio.gather(teller, *working, return_exceptions=True)


def time_left(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 90:  # noqa: PLR2004
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
