"""Where symbols are scanned: a desk that holds their bars, here or in a process of its own."""

import asyncio
import contextlib
import pickle
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

import pandas as pd

from flows.cpu import ProcessDiedError, answer_of, nameless_main, pickled
from pipeline.data.buffer import BarRows
from pipeline.domain.errors import ServiceError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.live.scanning import AS_WRITTEN, Scanned, SymbolScan
from pipeline.setups.engine import Overrides
from pipeline.setups.model import SetupSpec


class ScanStateLostError(ServiceError):
    """Bars of some symbols are not in memory (any more): seed them, then go on."""

    def __init__(self, user_text: str, *, symbols: tuple[str, ...]) -> None:
        super().__init__(user_text, symbols=symbols)
        self.symbols = symbols


def lost(*symbols: str) -> ScanStateLostError:
    """Return the error that names the symbols to seed."""
    return ScanStateLostError(f"no bars in memory of {', '.join(symbols)}", symbols=symbols)


@dataclass(frozen=True)
class Assignment:
    """What a symbol is scanned for: as `SymbolScan` takes it."""

    instrument: Instrument
    setups: Sequence[tuple[SetupSpec, Timeframe]]
    overrides: Overrides = AS_WRITTEN
    quality: float = 1.0
    news: pd.DataFrame | None = None

    def scan(self) -> SymbolScan:
        """Return its scan, without bars."""
        return SymbolScan(
            self.instrument, self.setups,
            overrides=self.overrides, quality=self.quality, news=self.news,
        )  # fmt: skip


class Desk:
    """The scans of some symbols: where the work is done, in whichever process."""

    def __init__(self) -> None:
        self._scans: dict[str, SymbolScan] = {}

    def seed(
        self, symbol: str, assignment: Assignment, rows: BarRows, until: datetime | None
    ) -> None:
        """Begin a symbol (anew); none of the bars is asked."""
        scan = assignment.scan()
        scan.seed(rows, until)
        self._scans[symbol] = scan

    def advance(
        self, symbol: str, rows: BarRows, until: datetime | None, *, paused: bool
    ) -> list[Scanned]:
        """Ask at each close of new M1 bars."""
        return self._scan(symbol).advance(rows, until, paused=paused)

    def window(self, symbol: str, timeframe: Timeframe, bars: int) -> pd.DataFrame:
        """Return the newest bars of a symbol."""
        return self._scan(symbol).window(timeframe, bars)

    def drop(self, symbol: str) -> None:
        """Forget a symbol."""
        self._scans.pop(symbol, None)

    def _scan(self, symbol: str) -> SymbolScan:
        if symbol not in self._scans:
            raise lost(symbol)
        return self._scans[symbol]


class RemoteDesk:
    """A desk in a process of its own. It answers in the order it was asked."""

    def __init__(
        self, context: ForkServerContext | SpawnContext, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        with nameless_main():
            self._process.start()
        theirs.close()
        self._loop = loop
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._letters: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.dead = False
        for work in (self._send, self._receive):
            threading.Thread(target=work, daemon=True, name="scan-desk").start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid or 0

    async def call(self, method: str, args: tuple[Any, ...], words: dict[str, Any]) -> Any:
        """Ask, and wait for the answer; an abandoned call is worked on all the same."""
        if self.dead:
            raise ProcessDiedError("a scanning process is dead")
        letter = pickle.dumps((method, args, words), pickle.HIGHEST_PROTOCOL)
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._asked.append(answer)
        self._letters.put(letter)
        return await answer

    def kill(self) -> None:
        """End the process at once; harmless when it is dead."""
        self._process.kill()
        self._process.join(1.0)
        self._gone()

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # the receiver sees the end as well
            while (letter := self._letters.get()) is not None:
                self._pipe.send_bytes(letter)

    def _receive(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            try:
                while True:
                    good, value = self._pipe.recv()
                    self._loop.call_soon_threadsafe(self._answered, good, value)
            except (EOFError, OSError):
                self._loop.call_soon_threadsafe(self._gone)

    def _answered(self, good: bool, value: Any) -> None:  # noqa: FBT001  (as the pipe brings it)
        if self.dead:
            return
        answer = self._asked.popleft()
        if answer.done():
            return
        if good:
            answer.set_result(value)
        else:
            answer.set_exception(value)

    def _gone(self) -> None:
        self.dead = True
        self._letters.put(None)
        while self._asked:
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_exception(ProcessDiedError("a scanning process died during a call"))


def _serve(pipe: Connection) -> None:
    """Answer calls until the parent is gone."""
    desk = Desk()
    while True:
        try:
            method, args, words = pipe.recv()
        except (EOFError, OSError):
            return
        call: Callable[[], Any] = partial(getattr(desk, method), *args, **words)
        pipe.send_bytes(pickled(answer_of(call)))
