"""The warm processes that compute: CPU work leaves the event loop through here alone.

Each child is forked from one server process that has already imported pandas, numba and the
charts, so a new child is ready in milliseconds and shares those pages. A cancelled or overdue
call kills its child (nothing else can stop a C loop) and the pool heals by itself.
"""

import asyncio
import multiprocessing
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, ParamSpec, Self, TypeVar, cast

from flows.frugal import tame_memory
from flows.stepping_aside import die_with_parent, hold_around_closes
from storage.telemetry import get_logger

log = get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
LOW_PRIORITY = 15
"""How far a process apart steps back: it gets what the others leave, a thirtieth at least."""


class ProcessDiedError(RuntimeError):
    """A computing process ended in the middle of a call (out of memory, killed)."""


class CpuPool:
    """At most `max_workers` computing processes, started when first needed.

    Parameters
    ----------
    max_workers
        Processes, and so calls at a time; further calls wait in order.
    preload
        Modules imported once, before the first child is forked.
    timeout
        Seconds after which a call is killed and raises TimeoutError.
    idle_seconds
        Children end after so long without a call; None keeps them warm for good.
    anew
        Children start from nothing instead of from the server: some tenths of a second later, but
        without its imports, which take long the first time. For calls that need none of them.

    Warnings
    --------
    Functions and arguments cross by pickle between our own processes: never pass what came
    from outside unparsed.
    """

    def __init__(
        self,
        max_workers: int,
        *,
        preload: tuple[str, ...] = (),
        timeout: float = 600.0,
        idle_seconds: float | None = None,
        anew: bool = False,
    ) -> None:
        self._slots = asyncio.Semaphore(max_workers)
        self._slot_apart = asyncio.Semaphore(1)
        self._max_workers = max_workers
        self._timeout = timeout
        self._idle_seconds = idle_seconds
        self._ending: asyncio.TimerHandle | None = None
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._context: ForkServerContext | SpawnContext = (
            multiprocessing.get_context("spawn") if anew else fork_context(preload)
        )
        self._closed = False

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a module-level function in a child and return what it returns or raises.

        Cancelling the awaiting task, or `timeout`, kills the child.
        """
        async with self._slots:
            if self._ending is not None:
                self._ending.cancel()
            child = await self._take()
            self._busy.add(child)
            try:
                async with asyncio.timeout(self._timeout):
                    good, value = await child.call((fn, args, kwargs))
            except BaseException:
                child.kill()
                raise
            else:
                self._idle.append(child)
            finally:
                self._busy.discard(child)
                self._end_when_idle()
        if not good:
            raise value
        return cast("T", value)

    async def run_apart(
        self, seconds: float, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function at low priority, in a process of its own that ends with the call.

        One such call at a time; it takes no process from the others. After `seconds` it is killed.
        Where the system knows no priorities (Windows) it is as the others.
        """
        return await self._apart(seconds, partial(fn, *args, **kwargs), held=False)

    async def run_aside(
        self, seconds: float, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do as `run_apart`, and hold the process around each close of the market's minute."""
        return await self._apart(seconds, partial(fn, *args, **kwargs), held=True)

    async def _apart(self, seconds: float, call: Callable[[], T], *, held: bool) -> T:
        async with self._slot_apart:
            child = await asyncio.to_thread(_Child, self._context)
            self._busy.add(child)
            holding = _holding(child) if held else None
            try:
                async with asyncio.timeout(seconds):
                    good, value = await child.call((_stepped_back, (call,), {}))
            finally:
                if holding is not None:
                    holding.cancel()
                self._busy.discard(child)
                child.kill()
        if not good:
            raise value
        return cast("T", value)

    def _end_when_idle(self) -> None:
        """Let the children go some time after the last call."""
        if self._idle_seconds is not None and not self._busy and not self._closed:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(self._idle_seconds, self.refresh)

    async def warm(self) -> None:
        """Start every process and wait until each answers."""
        await asyncio.gather(*(self.run(_ready) for _ in range(self._max_workers)))

    def pids(self) -> list[int]:
        """Return the process ids of the living children."""
        children = [*self._idle, *self._busy]
        return [child.pid for child in children if child.pid is not None]

    def refresh(self) -> None:
        """Drop the idle children with what they hold; the next calls fork fresh ones."""
        while self._idle:
            self._idle.pop().kill()

    async def close(self) -> None:
        """Kill all children; calls under way raise."""
        self._closed = True
        if self._ending is not None:
            self._ending.cancel()
        for child in [*self._idle, *self._busy]:
            child.kill()
        self._idle.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _take(self) -> "_Child":
        """Return the child used last (its caches are warm), or a new one."""
        if self._closed:
            raise RuntimeError("the pool is closed")
        while self._idle:
            child = self._idle.pop()
            if child.alive():
                return child
            log.warning("cpu_child_lost", pid=child.pid)
            child.kill()
        return await asyncio.to_thread(_Child, self._context)


class _Child:
    """One computing process and the pipe to it."""

    def __init__(self, context: ForkServerContext | SpawnContext) -> None:
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        with nameless_main():
            self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.is_alive()

    async def call(self, job: tuple[Any, ...]) -> tuple[bool, Any]:
        """Send one call and wait for its answer without blocking the loop."""
        return await asyncio.to_thread(self._exchange, job)

    def _exchange(self, job: tuple[Any, ...]) -> tuple[bool, Any]:
        try:
            self._pipe.send(job)
            return cast("tuple[bool, Any]", self._pipe.recv())
        except (EOFError, OSError) as error:
            raise ProcessDiedError("a computing process died during a call") from error

    def kill(self) -> None:
        """End the process at once; harmless when it is dead.

        The pipe is left to the garbage collector: a thread may still wait on it for its end.
        """
        self._process.kill()
        self._process.join(1.0)


@contextmanager
def nameless_main() -> Iterator[None]:
    """Hide what the program was started as: a child would import that again, bot and all."""
    with _main_lock:
        real = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = real


_main_lock = threading.Lock()


def fork_context(preload: tuple[str, ...]) -> ForkServerContext | SpawnContext:
    """Return a fork server with the modules preloaded; elsewhere (Windows) plain spawn."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    tame_memory()
    if preload:
        context.set_forkserver_preload(list(preload))
    return context


def _serve(pipe: Connection) -> None:
    """Answer calls until the parent is gone; in the middle of a call it goes with it."""
    die_with_parent()
    while True:
        try:
            fn, args, kwargs = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send_bytes(pickled(answer_of(partial(fn, *args, **kwargs))))


def answer_of(call: Callable[[], Any]) -> tuple[bool, Any]:
    """Return whether a call went well, and what it gave or raised."""
    try:
        return True, call()
    except Exception as error:  # noqa: BLE001  (whatever it is belongs to the caller)
        error.add_note("raised in a computing process")
        return False, error


def pickled(answer: tuple[bool, Any]) -> bytes:
    """Return the answer ready to send; one that can't be pickled becomes an error that can."""
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001  (pickling runs the object's own code)
        return pickle.dumps((False, RuntimeError(f"{answer[1]!r} can't be sent back: {error}")))


def _holding(child: _Child) -> "asyncio.Task[None] | None":
    """Hold a child around the closes, until the task is cancelled."""
    if child.pid is None:
        return None
    return asyncio.create_task(hold_around_closes(child.pid, time.time))


def _stepped_back(call: Callable[[], T]) -> T:
    """Call a function after letting everything else go first; this can't be taken back."""
    if hasattr(os, "nice"):
        os.nice(LOW_PRIORITY)
    return call()


def _ready() -> bool:
    return True
