"""TerminalThread: a terminal's blocking calls on one thread of their own, awaited."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from storage.mt5_terminal import Terminal, TerminalLostError

T = TypeVar("T")

CALL_SECONDS = 20.0
ORDER_SECONDS = 75.0
"""How long a call may take; an order's answer comes from the broker's server."""


class TerminalThread:
    """One thread that all calls of a process go through, in order.

    Feed and broker share it: MetaTrader knows one connection per process.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mt5")

    async def call(self, ask: Callable[[Terminal], T], *, seconds: float = CALL_SECONDS) -> T:
        """Run `ask` on the terminal; it may make several calls.

        Raises
        ------
        TerminalRefusedError, TerminalLostError
            From the terminal; also TerminalLostError when it takes longer than `seconds`. What
            hangs keeps its thread, and later calls wait behind it.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._pool, ask, self._terminal)
        except TimeoutError as error:
            raise TerminalLostError("MetaTrader hangs.", maybe_done=True) from error

    async def close(self) -> None:
        """Let go of the terminal; calls that wait are dropped."""
        with suppress(TerminalLostError):
            await self.call(lambda terminal: terminal.close(), seconds=2)
        self._pool.shutdown(wait=False, cancel_futures=True)
