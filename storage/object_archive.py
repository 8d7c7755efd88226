"""ObjectArchive: the files of runs in shared storage, their hashes in the database.

An object's name carries the hash of its bytes, so none is ever written over: a file is replaced in
the moment its row says another hash, and readers see the old one or the new one whole.
"""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.errors import DataError
from pipeline.domain.report import Artifact
from storage.archive import checked_path
from storage.artifact_rows import ArtifactRows
from storage.object_port import SharedObjects

_READS = 4  # a reader may meet a file whose object was replaced a moment ago


class ObjectArchive:
    """Files as `archive/results/bt_1_trades.3f9a….csv`; see `storage.ports.Archive`."""

    def __init__(
        self, objects: SharedObjects, engine: AsyncEngine, clock: Callable[[], datetime]
    ) -> None:
        self._objects = objects
        self._rows = ArtifactRows(engine, clock)

    async def put(
        self,
        path: str,
        data: bytes,
        *,
        run_id: str,
        role: str,
        media_type: str,
        meta: dict[str, Any] | None = None,
    ) -> Artifact:
        """Write (or overwrite) one file and keep its hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        artifact = Artifact(
            path=checked_path(path), sha256=sha256, size=len(data), media_type=media_type,
            run_id=run_id, role=role, meta=meta or {},
        )  # fmt: skip
        await asyncio.to_thread(self._objects.put, named(path, sha256), data)
        async with self._rows.keeping(artifact) as before:
            pass
        if before not in (None, sha256):
            await asyncio.to_thread(self._objects.remove, [named(path, str(before))])
        return artifact

    async def get(self, path: str) -> bytes:
        """Return the file's bytes; missing or damaged is a DataError."""
        checked_path(path)
        state = "missing"
        for _ in range(_READS):
            wanted = await self._rows.sha256(path)
            if wanted is None:
                break
            try:
                data = await asyncio.to_thread(self._objects.get, named(path, wanted))
            except FileNotFoundError:
                continue
            if hashlib.sha256(data).hexdigest() == wanted:
                return data
            state = "damaged"
        raise DataError(f"The file {path} is {state} in the archive.", path=path, state=state)

    async def of_run(self, run_id: str) -> list[Artifact]:
        """Return the run's files in the order they were first put."""
        return await self._rows.of_run(run_id)


def named(path: str, sha256: str) -> str:
    """Return the name of a file's object."""
    place = PurePosixPath("archive") / path
    return str(place.with_name(f"{place.stem}.{sha256[:16]}{place.suffix}"))
