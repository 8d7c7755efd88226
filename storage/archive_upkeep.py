"""FileArchiveUpkeep: old files of the archive and their rows, and where the two don't agree."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.errors import StoreDownError
from storage.database import reading, writing
from storage.tables import ARTIFACTS
from storage.upkeep_ports import Freed, Mismatch, OldFile

_C = ARTIFACTS.c


class FileArchiveUpkeep:
    """The folder and the rows of `storage.archive.FileArchive`; see the port `ArchiveUpkeep`."""

    def __init__(self, root: Path, engine: AsyncEngine) -> None:
        self._root = root
        self._engine = engine

    async def old(self, before: datetime) -> list[OldFile]:
        """Return the files that were last written before that, oldest first."""
        query = select(_C.path, _C.size, _C.run_id, _C.role).where(_C.put_at < before)
        async with reading(self._engine) as db:
            rows = (await db.execute(query.order_by(_C.put_at, _C.seq))).all()
        return [OldFile(*row) for row in rows]

    async def forget(self, paths: Sequence[str], before: datetime) -> Freed:
        """Take rows away and, before that is committed, their files.

        A writer of one of the paths waits for the row meanwhile, and then puts both anew.
        """
        mine = delete(ARTIFACTS).where(_C.path.in_(paths), _C.put_at < before)
        async with writing(self._engine) as db:
            gone = (await db.execute(mine.returning(_C.path, _C.size))).all()
            await asyncio.to_thread(self._unlink, [row.path for row in gone])
        return Freed(len(gone), sum(row.size for row in gone))

    async def compare(self, before: datetime) -> Mismatch:
        """Hold files against rows; what was written since `before` is left out."""
        there = await asyncio.to_thread(self._files)
        async with reading(self._engine) as db:
            rows = dict((await db.execute(select(_C.path, _C.put_at))).tuples().all())
        since = before.timestamp()
        strays = {
            path: size
            for path, (size, changed) in sorted(there.items())
            if path not in rows and changed < since
        }
        lost = [p for p, at in rows.items() if p not in there and (at is None or at < before)]
        return Mismatch(strays, tuple(sorted(lost)))

    async def remove_strays(self, paths: Sequence[str], before: datetime) -> Freed:
        """Remove files without a row; whoever puts one of them now waits, and puts it anew."""
        async with writing(self._engine) as db:
            known = select(_C.path).where(_C.path.in_(paths))
            held = set((await db.execute(known)).scalars())
            free = [path for path in paths if path not in held]
            return await asyncio.to_thread(self._unlink_old, free, before.timestamp())

    def _files(self) -> dict[str, tuple[int, float]]:
        """Return every file below the folder: its size, and when it was changed (epoch)."""
        found = {}
        for place in self._root.rglob("*"):
            try:
                if place.is_file() and not place.is_symlink():
                    known = place.stat()
                    path = place.relative_to(self._root).as_posix()
                    found[path] = known.st_size, known.st_mtime
            except FileNotFoundError:
                continue  # renamed or removed meanwhile
        return found

    def _unlink_old(self, paths: Sequence[str], since: float) -> Freed:
        gone = {}
        for path in paths:
            with suppress(FileNotFoundError):
                known = (self._root / path).stat()
                if known.st_mtime < since:
                    gone[path] = known.st_size
        self._unlink(list(gone))
        return Freed(len(gone), sum(gone.values()))

    def _unlink(self, paths: Sequence[str]) -> None:
        try:
            for path in paths:
                (self._root / path).unlink(missing_ok=True)
        except OSError as error:
            raise StoreDownError(
                "A file of the archive can't be removed.", store="archive", cause=f"{error}"
            ) from error
