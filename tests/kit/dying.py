"""A deed done again and again, each time in a process of its own that dies one step later."""

import asyncio
import itertools
import os
import sys
from collections.abc import Callable, Coroutine

from sqlalchemy import event

from storage.database import Database

DIED = 9


def die_at(database: Database, n: int) -> Callable[..., None]:
    """Let the process die, as if it were killed, at its n-th step: a statement, a commit.

    Return what counts as one more step whenever it is called.
    """
    steps = itertools.count()

    def step(*_: object) -> None:
        if next(steps) == n:
            os._exit(DIED)

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(database.engine.sync_engine, moment, step)
    event.listen(database.engine.sync_engine.pool, "checkin", step)
    return step


def die(once: Callable[[int], Coroutine[None, None, None]]) -> None:
    """Do `once(n)` for n = 0, 1, 2 … until it lives; print how many died, exit as it did."""
    for n in itertools.count():
        child = os.fork()
        if child == 0:
            asyncio.run(once(n))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != DIED:
            sys.stdout.write(f"{n}\n")
            sys.exit(code)
