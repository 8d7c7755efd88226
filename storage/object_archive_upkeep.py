"""ObjectArchiveUpkeep: old files of the shared archive and their rows, and where they differ."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import reading, writing
from storage.object_archive import named
from storage.object_port import SharedObjects
from storage.tables import ARTIFACTS
from storage.upkeep_ports import Freed, Mismatch, OldFile

_C = ARTIFACTS.c
_FOLDER = "archive"


class ObjectArchiveUpkeep:
    """Objects and rows of `storage.object_archive.ObjectArchive`; see the port `ArchiveUpkeep`.

    A stray's path is its object's name below `archive/`, with the hash in it.
    """

    def __init__(self, objects: SharedObjects, engine: AsyncEngine) -> None:
        self._objects = objects
        self._engine = engine

    async def old(self, before: datetime) -> list[OldFile]:
        """Return the files that were last written before that, oldest first."""
        query = select(_C.path, _C.size, _C.run_id, _C.role).where(_C.put_at < before)
        async with reading(self._engine) as db:
            rows = (await db.execute(query.order_by(_C.put_at, _C.seq))).all()
        return [OldFile(*row) for row in rows]

    async def forget(self, paths: Sequence[str], before: datetime) -> Freed:
        """Take rows away and, before that is committed, their objects."""
        mine = delete(ARTIFACTS).where(_C.path.in_(paths), _C.put_at < before)
        async with writing(self._engine) as db:
            gone = (await db.execute(mine.returning(_C.path, _C.size, _C.sha256))).all()
            await self._remove(named(row.path, row.sha256) for row in gone)
        return Freed(len(gone), sum(row.size for row in gone))

    async def compare(self, before: datetime) -> Mismatch:
        """Hold objects against rows; what was written since `before` is left out."""
        there = await asyncio.to_thread(self._objects.listed, _FOLDER)
        async with reading(self._engine) as db:
            rows = (await db.execute(select(_C.path, _C.sha256, _C.put_at))).all()
        known = {named(row.path, row.sha256) for row in rows}
        strays = {
            name.removeprefix(f"{_FOLDER}/"): each.size
            for name, each in sorted(there.items())
            if name not in known and each.changed < before
        }
        lost = [
            row.path
            for row in rows
            if named(row.path, row.sha256) not in there
            and (row.put_at is None or row.put_at < before)
        ]
        return Mismatch(strays, tuple(sorted(lost)))

    async def remove_strays(self, paths: Sequence[str], before: datetime) -> Freed:
        """Remove objects that still have no row and are still that old."""
        found = await self.compare(before)
        gone = {path: found.strays[path] for path in paths if path in found.strays}
        await self._remove(f"{_FOLDER}/{path}" for path in gone)
        return Freed(len(gone), sum(gone.values()))

    async def _remove(self, names: Iterable[str]) -> None:
        await asyncio.to_thread(self._objects.remove, list(names))
