"""A process that forgets one thing after the other and dies one step later at each.

`python -m tests.kit.upkeep_worker URL FOLDER WHAT`: for n = 0, 1, 2 … in a forked process of its
own, do WHAT to the n-th thing and die at the n-th step (a statement, a commit, a file removed);
print how many died before one came through.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.archive_upkeep import FileArchiveUpkeep
from storage.database import open_database
from storage.retention import SqlRetention
from tests.kit.dying import die, die_at

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=3)


def path_of(n: int) -> str:
    """The n-th file."""
    return f"results/{n:02d}.png"


def stray_of(n: int) -> str:
    """The n-th file without a row."""
    return f"results/stray_{n:02d}.png"


def run_of(n: int) -> str:
    """The n-th run."""
    return f"bt_{OLD:%Y_%m_%d}_{n + 1:03d}"


def main(url: str, folder: Path, what: str) -> None:
    """Do it."""

    async def once(n: int) -> None:
        database = open_database(url)
        files, rows = FileArchiveUpkeep(folder, database.engine), SqlRetention(database.engine)
        step, unlink = die_at(database, n), Path.unlink

        def watched(path: Path, missing_ok: bool = False) -> None:
            step()
            unlink(path, missing_ok=missing_ok)
            step()

        Path.unlink = watched
        if what == "files":
            await files.forget([path_of(n)], NOW)
        elif what == "strays":
            await files.remove_strays([stray_of(n)], NOW)
        else:
            await rows.forget_runs([run_of(n)], NOW)
        await database.close()

    die(once)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
