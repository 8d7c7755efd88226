"""MemoryArchive: the files of runs in memory."""

import hashlib
from typing import Any

from pipeline.domain.errors import DataError
from pipeline.domain.report import Artifact
from storage.archive import checked_path


class MemoryArchive:
    """Files in a dict; see `storage.ports.Archive`."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Artifact, bytes]] = {}

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
