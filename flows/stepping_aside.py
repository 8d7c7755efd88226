"""A training is held around each close: alerts leave in the seconds after it.

A lowered priority is not enough: where two cores are two threads of one processor, whatever
computes on one slows the other, however little it is entitled to.
"""

import asyncio
import math
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import forkserver
from typing import Final, TypeAlias

BEFORE: Final = 1.0
"""Seconds before a close from which on a training is held."""
AFTER: Final = 4.0
"""Seconds after it in which the alerts of this close have left."""
_MINUTE: Final = 60
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG

NextClose: TypeAlias = Callable[[float], float]


def next_minute(moment: float) -> float:
    """Return the first full minute at or after a moment (epoch seconds): when M1 bars close."""
    return math.ceil(moment / _MINUTE) * _MINUTE


async def hold_around_closes(
    pid: int,
    clock: Callable[[], float],
    next_close: NextClose = next_minute,
    *,
    before: float = BEFORE,
    after: float = AFTER,
) -> None:
    """Stop a process from `before` seconds before each close until `after` seconds after it.

    Runs until it is cancelled, and then lets the process go on. Where processes can't be held
    (Windows) it only waits. The process must have called `die_with_parent`, or one that is held
    when we are killed would stay for good.
    """
    if not can_hold():
        await asyncio.Event().wait()
    try:
        while True:
            now = clock()
            close = next_close(now - after)
            await asyncio.sleep(max(close - before - now, 0))
            _tell(pid, signal.SIGSTOP)
            await asyncio.sleep(max(close + after - clock(), 0) + 0.001)
            _tell(pid, signal.SIGCONT)
    finally:
        _tell(pid, signal.SIGCONT)


def can_hold() -> bool:
    """Tell whether a process can be held here without being left behind."""
    return sys.platform == "linux"


def die_with_parent() -> None:
    """Have the system kill this child of a fork server when the program that uses it ends.

    The server ends with the program only once no child holds the pipe that tells it so; and a
    child in the middle of a computation, or held, hears nothing of its server's end by itself.
    """
    if not can_hold():
        return
    server = getattr(forkserver, "_forkserver", None)
    pipe = getattr(server, "_forkserver_alive_fd", None)
    if pipe is not None:
        os.close(pipe)
        setattr(server, "_forkserver_alive_fd", None)  # noqa: B010  (it is its own)
    import ctypes  # noqa: PLC0415  (only computing processes need it)

    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _tell(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, what)
