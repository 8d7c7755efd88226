"""A process that keeps models and dies at a chosen step.

`URL FOLDER WHAT`: for n = 0, 1, 2 … in a forked process of its own, do WHAT to a model of the
n-th id and die at the n-th step (an opened, renamed or removed file, a statement, a commit);
print how many died before one came through.
"""

import os
import sys
from functools import partial
from pathlib import Path

from storage.database import open_database
from storage.model_files import ModelFiles
from storage.model_registry import FileModelRegistry
from tests.kit.dying import die, die_at
from tests.kit.models import NOW, a_model, a_verdict

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
    database = open_database(url)
    step = die_at(database, n)

    def look(name: str, args: tuple[object, ...]) -> None:
        if name in FILE_STEPS and folder in str(args[0] if args else ""):
            step()

    sys.addaudithook(look)
    await DEEDS[what](FileModelRegistry(ModelFiles(Path(folder)), database.engine), n)
    os._exit(0)


if __name__ == "__main__":
    die(partial(once, *sys.argv[1:]))
