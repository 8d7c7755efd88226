"""MemoryArchive: the files of runs in memory."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pipeline.domain.errors import DataError
from pipeline.domain.report import Artifact
from storage.archive import checked_path
from storage.upkeep_ports import Freed, OldFile


class MemoryArchive:
    """Files in a dict; see `storage.ports.Archive`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._files: dict[str, tuple[Artifact, bytes]] = {}
        self._put_at: dict[str, datetime] = {}
        self._clock = clock

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
        """Keep (or replace) one file."""
        artifact = Artifact(
            path=checked_path(path),
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            media_type=media_type,
            run_id=run_id,
            role=role,
            meta=meta or {},
        )
        self._files[path] = (artifact, bytes(data))
        self._put_at[path] = self._clock()
        return artifact

    async def get(self, path: str) -> bytes:
        """Return the file's bytes; missing is a DataError."""
        if checked_path(path) not in self._files:
            raise DataError(
                f"The file {path} is missing in the archive.", path=path, state="missing"
            )
        return self._files[path][1]

    async def of_run(self, run_id: str) -> list[Artifact]:
        """Return the run's files in the order they were first put."""
        return [artifact for artifact, _ in self._files.values() if artifact.run_id == run_id]

    def old(self, before: datetime) -> list[OldFile]:
        """Return the files last written before that, oldest first."""
        found = [self._files[path][0] for path, at in self._put_at.items() if at < before]
        found.sort(key=lambda each: self._put_at[each.path])
        return [OldFile(f.path, f.size, f.run_id, f.role) for f in found]

    def forget(self, paths: Sequence[str], before: datetime) -> Freed:
        """Forget those of the files that are still that old."""
        gone = [p for p in paths if p in self._files and self._put_at[p] < before]
        freed = sum(self._files.pop(path)[0].size for path in gone)
        for path in gone:
            del self._put_at[path]
        return Freed(len(gone), freed)
