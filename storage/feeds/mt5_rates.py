"""RateReader: bars out of a terminal that fills its history while it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np

from storage.mt5_terminal import RATES, Terminal, TerminalRefusedError
from storage.mt5_thread import TerminalThread

PAGE = 50_000
"""Bars asked for at a time when the way back is long."""
WAIT = 0.25
MOST_READS = 24
REPEATS = 4
"""Times that the same answer must come again."""
LONGEST_PLAIN_GAP = 120
"""Seconds between bars beyond which a second look makes sure that none is on its way."""


class RateReader:
    """Reads a symbol's bars until the terminal has said the same twice, where that is needed.

    It is when a symbol is read for the first time, and when minutes are missing in which nobody
    looked, as then the terminal may still be loading them. In the ordinary minute one call does.
    """

    def __init__(
        self, thread: TerminalThread, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._thread, self._pause = thread, pause
        self._warm: set[tuple[str, int]] = set()
        self._looked: dict[str, int] = {}

    async def newest(self, symbol: str, timeframe: int, count: int) -> np.ndarray:
        """Return the newest `count` bars, oldest first, the one that forms included."""
        return await self._read(symbol, timeframe, lambda t: _page(t, symbol, timeframe, 0, count))

    async def since(self, symbol: str, timeframe: int, after: int, wall: int) -> np.ndarray:
        """Return all bars later than `after`, oldest first, the one that forms included.

        Parameters
        ----------
        after, wall
            Wall-clock seconds: of a bar, and of now; if `wall` is wrong that costs time, no bar.
        """
        expected = (wall - after) // 60

        def back(terminal: Terminal) -> np.ndarray:
            return _back_to(terminal, symbol, timeframe, after, expected)

        found = await self._read(symbol, timeframe, back)
        if _gap(found, after, self._looked.get(symbol, after)):
            found = await self._steady(back)
        self._looked[symbol] = wall
        return found

    async def _read(
        self, symbol: str, timeframe: int, read: Callable[[Terminal], np.ndarray]
    ) -> np.ndarray:
        if (symbol, timeframe) in self._warm:
            # A terminal that was restarted has forgotten its symbols, and refuses.
            with suppress(TerminalRefusedError):
                return await self._thread.call(read)
        await self._thread.call(lambda terminal: terminal.symbol_select(symbol))
        found = await self._steady(read)
        self._warm.add((symbol, timeframe))
        return found

    async def _steady(self, read: Callable[[Terminal], np.ndarray]) -> np.ndarray:
        """Read until it says the same five times in a row, a second long; six seconds at most.

        A refusal counts as an answer that isn't there yet; the last one is raised.
        """
        last, equal = np.empty(0, dtype=RATES), 0
        refusal: TerminalRefusedError | None = None
        for number in range(MOST_READS):
            if number:
                await self._pause(WAIT)
            try:
                found = await self._thread.call(read)
            except TerminalRefusedError as error:
                refusal, equal = error, 0
                continue
            refusal = None
            equal = equal + 1 if number and _same(found, last) else 0
            last = found
            if equal >= REPEATS:
                break
        if refusal is not None:
            raise refusal
        return last


def _page(terminal: Terminal, symbol: str, timeframe: int, start: int, count: int) -> np.ndarray:
    return terminal.copy_rates_from_pos(symbol, timeframe, start, count)


def _back_to(
    terminal: Terminal, symbol: str, timeframe: int, after: int, expected: int
) -> np.ndarray:
    """Read back by pages until one reaches `after` or the history ends.

    Pages overlap by a bar, so that each holds one that is there, and a bar that forms between two
    calls opens no hole.
    """
    start, size = 0, max(3, min(expected + 2, PAGE))
    pages: list[np.ndarray] = []
    while True:
        page = _page(terminal, symbol, timeframe, start, size)
        pages.append(page)
        if len(page) < size or page["time"][0] <= after:
            break
        start, size = start + size - 1, PAGE
    rates = np.concatenate(pages)
    _, first = np.unique(rates["time"], return_index=True)
    rates = rates[first]
    later: np.ndarray = rates[rates["time"] > after]
    return later


def _same(one: np.ndarray, two: np.ndarray) -> bool:
    return np.array_equal(one["time"][:-1], two["time"][:-1])


def _gap(found: np.ndarray, after: int, looked: int) -> bool:
    """Tell whether minutes are missing that were not seen to be silent when they passed."""
    before = np.concatenate([[after], found["time"][:-1]])
    return bool((found["time"] - np.maximum(before, looked) > LONGEST_PLAIN_GAP).any())
