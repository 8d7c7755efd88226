"""FileArchive: the files of runs in a folder, their hashes in the database."""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.errors import BadRequestError, DataError, StoreDownError
from pipeline.domain.report import Artifact
from storage.artifact_rows import ArtifactRows

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,119}")
_LONGEST = 240
_READS = 4  # a reader may meet a file just replaced whose hash is not yet committed
_PAUSE_SECONDS = 0.05


class FileArchive:
    """Files under `root` with their SHA-256 kept in `engine`; see `storage.ports.Archive`.

    A file is written beside its place, flushed to the disk and renamed, all or nothing. `clock`
    says when it was, by which old files are forgotten one day.
    """

    def __init__(self, root: Path, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._root = root
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
        artifact = Artifact(
            path=checked_path(path),
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            media_type=media_type,
            run_id=run_id,
            role=role,
            meta=meta or {},
        )
        place = self._root / path
        written = await asyncio.to_thread(_write_beside, place, data)
        try:
            await self._commit(artifact, written, place)
        finally:
            await asyncio.to_thread(written.unlink, missing_ok=True)
        return artifact

    async def _commit(self, artifact: Artifact, written: Path, place: Path) -> None:
        """Record and rename in one transaction, so that of two writers one wins in both."""
        async with self._rows.keeping(artifact):
            await asyncio.to_thread(_rename, written, place)

    async def get(self, path: str) -> bytes:
        """Return the file's bytes; missing or damaged is a DataError."""
        place = self._root / checked_path(path)
        state = "missing"
        for attempt in range(_READS):
            if attempt:
                await asyncio.sleep(_PAUSE_SECONDS)
            wanted = await self._rows.sha256(path)
            data = await asyncio.to_thread(_read, place)
            if wanted and data is not None and hashlib.sha256(data).hexdigest() == wanted:
                return data
            if wanted is None and data is None:
                break
            state = "missing" if wanted is None or data is None else "damaged"
        raise DataError(f"The file {path} is {state} in the archive.", path=path, state=state)

    async def of_run(self, run_id: str) -> list[Artifact]:
        """Return the run's files in the order they were first put."""
        return await self._rows.of_run(run_id)


def checked_path(path: str) -> str:
    """Return `path` if it is an archive path.

    Parts of letters, digits, "_", "-" and "." (not first), with "/" between them.

    Raises
    ------
    BadRequestError
        For anything else: an absolute path, "..", hidden or odd names.
    """
    parts = path.split("/")
    if len(path) <= _LONGEST and all(_PART.fullmatch(part) for part in parts):
        return path
    raise BadRequestError(f"{path!r} is not an archive path.", field="path", value=path)


def _write_beside(place: Path, data: bytes) -> Path:
    """Write to a hidden file in the same folder, flushed to the disk; return its path."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
    except OSError as error:
        raise _disk(error) from error
    return Path(name)


def _rename(written: Path, place: Path) -> None:
    try:
        written.replace(place)
        if os.name == "posix":  # the new name itself must survive a power cut
            folder = os.open(place.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise _disk(error) from error


def _read(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise _disk(error) from error


def _disk(error: OSError) -> StoreDownError:
    return StoreDownError(
        "The archive can't be read or written.", store="archive", cause=f"{error.strerror}"
    )
