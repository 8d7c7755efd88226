"""Own the sandbox's live events: a numbered stream that the page follows and can resume."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from bot.sandbox.params import Json

_KEPT = 2000
_QUIET_SECONDS = 15.0


class Hub:
    """Events in order, kept for a while so that a page that lost its line misses none.

    Parameters
    ----------
    first
        The number to begin after; larger at each start, so that a page that followed the
        process before is told to begin anew.
    """

    def __init__(self, first: int) -> None:
        self.number = first
        self._kept: deque[Json] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()

    def put(self, kind: str, **body: object) -> None:
        """Tell all followers."""
        self.number += 1
        self._kept.append({"number": self.number, "type": kind, **body})
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, after: int) -> AsyncIterator[Json]:
        """Give every event after a number, for ever; ``reset`` first when some are gone."""
        oldest = self._kept[0]["number"] - 1 if self._kept else self.number
        if not oldest <= after <= self.number:
            yield {"number": self.number, "type": "reset"}
            after = self.number
        while True:
            news = self._news
            for event in [event for event in self._kept if event["number"] > after]:
                after = event["number"]
                yield event
            try:
                async with asyncio.timeout(_QUIET_SECONDS):
                    await news.wait()
            except TimeoutError:
                yield {"number": after, "type": "ping"}  # a dead line shows when written to
