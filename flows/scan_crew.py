"""The scanner's computing processes: each keeps the scans of its symbols from close to close."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Protocol, cast

import pandas as pd

from flows.cpu import ProcessDiedError, fork_context
from flows.scan_desk import Assignment, Desk, RemoteDesk, ScanStateLostError, lost
from pipeline.data.buffer import BarRows
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from pipeline.live.scanning import Scanned
from storage.telemetry import get_logger

log = get_logger(__name__)
TIMEOUT = 60.0


class ScanCrew(Protocol):
    """Scans symbols; what it holds of a symbol is its bars, nothing else.

    Calls for one symbol must follow one another; those for different symbols may overlap.
    """

    @property
    def lost(self) -> tuple[str, ...]:
        """The symbols that were seeded and whose bars are gone: seed them again."""
        ...

    async def seed(
        self,
        symbol: str,
        assignment: Assignment,
        bars: pd.DataFrame,
        until: datetime | None = None,
    ) -> None:
        """Begin a symbol (anew) from M1 bars that were scanned already; none of them is asked."""
        ...

    async def advance(
        self,
        symbol: str,
        bars: pd.DataFrame,
        until: datetime | None = None,
        *,
        paused: bool = False,
    ) -> list[Scanned]:
        """Take a symbol's new M1 bars and ask at each close, as `SymbolScan.advance` does.

        Raises
        ------
        ScanStateLostError
            The symbol was not seeded, or its process died; it names all that are lost with it.
        BadBarsError
            A bar is not newer than the last one held.
        """
        ...

    async def window(self, symbol: str, timeframe: Timeframe, bars: int) -> pd.DataFrame:
        """Return the newest bars of a symbol: a bar frame. Raises as `advance` does."""
        ...

    async def drop(self, symbol: str) -> None:
        """Forget a symbol; one that is not known is no matter."""
        ...

    async def close(self) -> None:
        """Let everything go."""
        ...


class _Calls:
    """A crew's calls, whoever answers them.

    What an unfinished call had found is gone, so its symbol is as good as lost: seeded again from
    before the call, it finds the same again.
    """

    def __init__(self) -> None:
        self._spoilt: set[str] = set()

    async def _call(self, symbol: str, method: str, *args: Any, **words: Any) -> Any:
        raise NotImplementedError

    async def seed(
        self,
        symbol: str,
        assignment: Assignment,
        bars: pd.DataFrame,
        until: datetime | None = None,
    ) -> None:
        await self._call(symbol, "seed", assignment, BarRows.of(bars), until)
        self._spoilt.discard(symbol)

    async def advance(
        self,
        symbol: str,
        bars: pd.DataFrame,
        until: datetime | None = None,
        *,
        paused: bool = False,
    ) -> list[Scanned]:
        if symbol in self._spoilt:
            raise lost(symbol)
        try:
            found = await self._call(symbol, "advance", BarRows.of(bars), until, paused=paused)
        except (BadBarsError, ScanStateLostError):
            raise
        except BaseException:
            self._spoilt.add(symbol)
            raise
        return cast("list[Scanned]", found)

    async def window(self, symbol: str, timeframe: Timeframe, bars: int) -> pd.DataFrame:
        return cast("pd.DataFrame", await self._call(symbol, "window", timeframe, bars))

    async def drop(self, symbol: str) -> None:
        self._spoilt.discard(symbol)
        await self._call(symbol, "drop")


class InlineScanCrew(_Calls):
    """A crew of one thread of this process: for few symbols, and for tests."""

    def __init__(self) -> None:
        super().__init__()
        self._desk = Desk()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scan")

    @property
    def lost(self) -> tuple[str, ...]:
        """The symbols whose last call was cut off."""
        return tuple(sorted(self._spoilt))

    async def _call(self, symbol: str, method: str, *args: Any, **words: Any) -> Any:
        loop = asyncio.get_running_loop()
        call = partial(getattr(self._desk, method), symbol, *args, **words)
        return await loop.run_in_executor(self._thread, call)

    async def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class ProcessScanCrew(_Calls):
    """A crew of processes; a symbol stays with the one that it was seeded in.

    Parameters
    ----------
    processes
        How many.
    preload
        Modules imported before the first is forked; see `cpu.fork_context`.
    timeout
        Seconds after which a call counts as hung: its process is ended, the bars are lost.
    """

    def __init__(
        self, processes: int, *, preload: tuple[str, ...] = (), timeout: float = TIMEOUT
    ) -> None:
        super().__init__()
        self._context = fork_context(preload)
        self._timeout = timeout
        self._processes = processes
        self._desks: list[RemoteDesk] = []
        self._home: dict[str, RemoteDesk] = {}
        self._starting = asyncio.Lock()

    @property
    def lost(self) -> tuple[str, ...]:
        """The symbols whose process died or whose last call was cut off."""
        dead = {symbol for symbol, desk in self._home.items() if desk.dead}
        return tuple(sorted(dead | self._spoilt))

    def pids(self) -> list[int]:
        """Return the process ids of those that live."""
        return [desk.pid for desk in self._desks if not desk.dead]

    async def seed(
        self,
        symbol: str,
        assignment: Assignment,
        bars: pd.DataFrame,
        until: datetime | None = None,
    ) -> None:
        """Begin a symbol in the process with the fewest, if it has none that lives."""
        async with self._starting:
            if symbol not in self._home or self._home[symbol].dead:
                self._home[symbol] = await self._idlest()
        await super().seed(symbol, assignment, bars, until)

    async def drop(self, symbol: str) -> None:
        """Forget a symbol, there and here."""
        if symbol in self._home and not self._home[symbol].dead:
            await super().drop(symbol)
        self._home.pop(symbol, None)
        self._spoilt.discard(symbol)

    async def close(self) -> None:
        """End the processes."""
        for desk in self._desks:
            desk.kill()
        self._desks.clear()
        self._home.clear()

    async def _call(self, symbol: str, method: str, *args: Any, **words: Any) -> Any:
        desk = self._home.get(symbol)
        if desk is None or desk.dead:
            raise lost(*(self.lost or (symbol,)))
        try:
            async with asyncio.timeout(self._timeout):
                return await desk.call(method, (symbol, *args), words)
        except TimeoutError:
            log.warning("scan_process_hung", pid=desk.pid, symbol=symbol, call=method)
            desk.kill()
        except ProcessDiedError:
            log.warning("scan_process_died", pid=desk.pid, symbol=symbol, call=method)
        raise lost(*self.lost)

    async def _idlest(self) -> RemoteDesk:
        """Return the process with the fewest symbols; those that are missing are started."""
        living = [desk for desk in self._desks if not desk.dead]
        while len(living) < self._processes:
            loop = asyncio.get_running_loop()
            living.append(await asyncio.to_thread(RemoteDesk, self._context, loop))
        self._desks = living
        homes = list(self._home.values())
        return min(living, key=homes.count)


def make_scan_crew(processes: int, preload: tuple[str, ...] = ()) -> ScanCrew:
    """Return a crew of so many processes; 0: a thread of this one."""
    return ProcessScanCrew(processes, preload=preload) if processes else InlineScanCrew()
