"""How far a scan's steps are: what is shown of them, and how long each took."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STEPS: Final = ("load", "detect", "decide", "chart", "notify")
"""What is done for each symbol, in this order (contract section 3)."""


class Board:
    """The steps of one scan, over all its symbols.

    Parameters
    ----------
    symbols
        How many are scanned: a step is over when it is over for all of them.
    """

    def __init__(self, symbols: int) -> None:
        self._began = time.perf_counter()
        self._left = dict.fromkeys(STEPS, symbols)
        self._over = {step: asyncio.Event() for step in STEPS}
        self.seconds: dict[str, float] = {}
        for step in STEPS if symbols == 0 else ():
            self._end(step)

    def done(self, step: str) -> None:
        """Note that one symbol has this step behind it."""
        self._left[step] -= 1
        if self._left[step] <= 0:
            self._end(step)

    async def over(self, step: str) -> None:
        """Wait until all symbols have a step behind them."""
        await self._over[step].wait()

    def _end(self, step: str) -> None:
        if not self._over[step].is_set():
            self.seconds[step] = round(time.perf_counter() - self._began, 4)
            self._over[step].set()

    @contextmanager
    def symbol(self) -> Iterator["Progress"]:
        """Follow one symbol; whatever it ends in, all its steps count as done afterwards."""
        progress = Progress(self)
        try:
            yield progress
        finally:
            progress.all_done()


class Progress:
    """One symbol's steps."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._left = list(STEPS)

    def done(self, step: str) -> None:
        """Note a step, and with it those before it."""
        while step in self._left:
            self._board.done(self._left.pop(0))

    def began(self, step: str) -> bool:
        """Tell whether all steps before this one are done."""
        return self._left[:1] == [step] or step not in self._left

    def all_done(self) -> None:
        """Note all that is left."""
        self.done(STEPS[-1])
