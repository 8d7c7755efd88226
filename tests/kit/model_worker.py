"""A process that keeps models and dies at a chosen step.

`URL FOLDER WHAT`: for n = 0, 1, 2 … in a forked process of its own, do WHAT to a model of the
n-th id and die at the n-th step (an opened, renamed or removed file, a statement, a commit);
print how many died before one came through.
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from sqlalchemy import event

from storage.database import open_database
from storage.model_registry import FileModelRegistry
from tests.kit.models import NOW, a_model, a_verdict

DIED = 9
FILE_STEPS = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "shutil.rmtree",
    "os.listdir",
}


def name_of(n: int) -> str:
    return f"m{n:03d}"


async def put(models: FileModelRegistry, n: int) -> None:
    await models.put(a_model("v1.0", model_id=name_of(n)), a_verdict(), NOW)


async def keep(models: FileModelRegistry, n: int) -> None:
    await models.keep_last(name_of(n), 1, NOW)


DEEDS = {deed.__name__: deed for deed in (put, keep)}


async def once(url: str, folder: str, what: str, n: int) -> None:
    database, steps = open_database(url), itertools.count()

    def step(*_: object) -> None:
        if next(steps) == n:
            os._exit(DIED)

    def look(name: str, args: tuple[object, ...]) -> None:
        if name in FILE_STEPS and folder in str(args[0] if args else ""):
            step()

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(database.engine.sync_engine, moment, step)
    event.listen(database.engine.sync_engine.pool, "checkin", step)
    sys.addaudithook(look)
    await DEEDS[what](FileModelRegistry(Path(folder), database.engine), n)
    os._exit(0)


def die(url: str, folder: str, what: str) -> None:
    for n in itertools.count():
        child = os.fork()
        if child == 0:
            asyncio.run(once(url, folder, what, n))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != DIED:
            sys.stdout.write(f"{n}\n")
            sys.exit(code)


if __name__ == "__main__":
    die(*sys.argv[1:])
