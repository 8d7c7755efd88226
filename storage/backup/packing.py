"""One packed file of a backup: tar in zstd, written from open files and read with suspicion."""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import pyarrow as pa

from pipeline.domain.backup import FileEntry
from pipeline.domain.errors import DataError, StoreDownError
from storage.backup.names import checked_name

Member: TypeAlias = tuple[str, IO[bytes]]
Take: TypeAlias = Callable[[FileEntry], IO[bytes] | None]
"""Where the bytes of a file go; None: nowhere, they are only checked."""
_CHUNK = 1 << 20
_SLACK = 16_384  # bytes of headers that a file may need beside its own
_HEADER = 8192  # bytes of a long name
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


def pack(target: Path, members: Iterable[Member]) -> tuple[list[FileEntry], FileEntry]:
    """Write the members, closing each; return them and the packed file, with sizes and hashes."""
    entries = []
    with (
        _disk(),
        pa.CompressedOutputStream(pa.OSFile(str(target), "wb"), "zstd") as stream,
        tarfile.open(fileobj=cast("IO[bytes]", stream), mode="w|") as tar,
    ):
        for name, file in members:
            with file:
                entries.append(_add(tar, checked_name(name), file))
    with _disk():
        _make_last(target)
        return entries, entry_of(target, target.name)


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes]) -> FileEntry:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o644
    reading = _Hashing(file)
    tar.addfile(header, cast("IO[bytes]", reading))
    return FileEntry(path=name, size=size, sha256=reading.hexdigest())


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        """Return the hash of all that was read."""
        return self._digest.hexdigest()


def entry_of(path: Path, name: str) -> FileEntry:
    """Return a file's size and hash."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
        return FileEntry(path=name, size=file.tell(), sha256=digest.hexdigest())


def unpack(packed: Path, files: Iterable[FileEntry], take: Take) -> None:
    """Read a packed file to its end and hand every byte on only as it was promised.

    Refused are a file that isn't promised, a second one of a name, another size or hash, a link,
    a device, a hole, more data than all promised files need, and an end that comes too soon.

    Raises
    ------
    DataError
        Naming the file that is wrong.
    """
    promised = {checked_name(entry.path): entry for entry in files}
    most = sum(entry.size for entry in promised.values()) + _SLACK * (len(promised) + 2)
    for member, tar in _members(packed, most):
        entry = promised.pop(member.name, None)
        if entry is None:
            raise DataError(f"The backup holds a file that it doesn't name: {member.name[:80]!r}.")
        if member.type != tarfile.REGTYPE or member.issparse():
            raise DataError(f"The backup holds {entry.path} as something other than a file.")
        if member.size != entry.size:
            raise _damaged(entry.path)
        file = tar.extractfile(member)
        assert file is not None  # noqa: S101  (it is a regular file)
        _hand_on(file, entry, take)
    if promised:
        raise DataError(f"The backup lacks {next(iter(promised))} and maybe more; it is cut off.")


def _hand_on(file: IO[bytes], entry: FileEntry, take: Take) -> None:
    digest, target = hashlib.sha256(), take(entry)
    try:
        while data := file.read(_CHUNK):
            digest.update(data)
            if target is not None:
                target.write(data)
    finally:
        if target is not None:
            target.close()
    if digest.hexdigest() != entry.sha256:
        raise _damaged(entry.path)


def _members(packed: Path, most: int) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    try:
        with pa.CompressedInputStream(pa.OSFile(str(packed), "rb"), "zstd") as stream:
            bounded = cast("IO[bytes]", _Bounded(stream, most))
            with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_Strict) as tar:
                for member in tar:
                    yield member, tar
                    tar.members = []  # type: ignore[attr-defined]  # else it keeps them all
            bounded.read()  # what follows the end is read too: it must be nothing much
    except (tarfile.TarError, pa.ArrowException, EOFError, ValueError, OSError) as error:
        raise DataError("The backup's packed file is damaged or cut off.", cause=error) from error


class _Bounded:
    """A stream that gives so many bytes at most."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._left = most

    def read(self, size: int = -1) -> bytes:
        """Read on; more than is allowed is an error, and so is none where some is due."""
        wanted = min(size if size >= 0 else self._left + 1, self._left + 1)
        data = bytes(self._stream.read(wanted))
        self._left -= len(data)
        if self._left < 0:
            raise DataError("The backup unpacks to more than it says; it is not unpacked.")
        return data


class _Strict(tarfile.TarInfo):
    """A member whose long name, if it has one, is no longer than a name may be."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type not in _FILES and self.size > _HEADER:
            raise tarfile.ReadError("a header is too long")
        parent: Any = super()
        return cast("tarfile.TarInfo", parent._proc_member(tar))  # noqa: SLF001


def _damaged(name: str) -> DataError:
    return DataError(f"{name} in the backup is damaged: it doesn't have the size and hash it had.")


def _make_last(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreDownError(
            "The backup can't be written; is the disk full?", cause=f"{error}"
        ) from error
