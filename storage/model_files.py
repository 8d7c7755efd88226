"""Versions of models as folders: `<id>/<version>/{manifest.json, model.txt}`, whole or not there.

Blocking; `storage.model_registry` calls it off the event loop, one writer at a time.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from storage.model_rules import Sealed, number_of

MANIFEST = "manifest.json"
TREES = "model.txt"
_HALF = ".new_"  # what was being written
_GONE = ".gone_"  # what was being removed
MAX_BYTES = 256 * 1024 * 1024
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has none; there `_plain` alone stands guard


class ModelPlace(Protocol):
    """Where the versions of models lie; see `ModelFiles` for what each method promises."""

    def write(self, model_id: str, version: str, kept: Sealed) -> None:
        """Write a version."""
        ...

    def read(self, model_id: str, version: str) -> Sealed:
        """Return a version's bytes; OSError: they are not there."""
        ...

    def remove(self, model_id: str, version: str) -> None:
        """Remove a version."""
        ...

    def drop(self, model_id: str, version: str) -> None:
        """Remove a version that could not be kept."""
        ...

    def tidy(self, model_id: str) -> None:
        """Remove what the dead left behind."""
        ...

    def highest(self, model_id: str) -> int:
        """Return the highest number a version has."""
        ...


class ModelFiles:
    """The folder of all models.

    Notes
    -----
    Of symbolic links none is followed, neither folders nor files: what lies elsewhere was not
    written here. Names are the caller's to check.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, model_id: str, version: str, kept: Sealed) -> None:
        """Write a version under a temporary name, then rename it.

        What an earlier attempt left under either name is replaced: the caller knows that the
        version has no row.
        """
        folder = self._root / model_id
        folder.mkdir(parents=True, exist_ok=True)
        self.tidy(model_id)
        half, whole = folder / f"{_HALF}{version}", folder / version
        half.mkdir()
        _write(half / MANIFEST, kept.manifest)
        _write(half / TREES, kept.trees)
        _settle(half)
        self.remove(model_id, version)
        half.rename(whole)
        _settle(folder)

    def read(self, model_id: str, version: str) -> Sealed:
        """Return a version's bytes.

        Raises
        ------
        OSError
            A file is missing, a link, or too large to be one of ours.
        """
        folder = self._root / model_id / version
        for part in (folder.parent, folder):
            if not _plain(part):
                raise FileNotFoundError(f"{part.name} is no folder")
        return Sealed(_read(folder / MANIFEST), _read(folder / TREES))

    def remove(self, model_id: str, version: str) -> None:
        """Remove a version at once: renamed first, so that no half of it keeps its name."""
        whole = self._root / model_id / version
        gone = whole.with_name(f"{_GONE}{version}")
        _clear(gone)
        if whole.is_symlink():
            whole.unlink()
        elif whole.exists():
            whole.rename(gone)
            _clear(gone)

    def drop(self, model_id: str, version: str) -> None:
        """Remove a version that could not be kept, as far as that can be done."""
        with suppress(OSError):
            self.remove(model_id, version)
        with suppress(OSError):
            self.tidy(model_id)

    def tidy(self, model_id: str) -> None:
        """Remove what writers and removers that died left behind."""
        for path in self._entries(model_id):
            if path.name.startswith((_HALF, _GONE)):
                _clear(path)

    def highest(self, model_id: str) -> int:
        """Return the highest number a version's folder has; 0: there is none."""
        numbers = (number_of(path.name) for path in self._entries(model_id))
        return max((number for number in numbers if number is not None), default=0)

    def _entries(self, model_id: str) -> list[Path]:
        folder = self._root / model_id
        return sorted(folder.iterdir()) if _plain(folder) else []


def _plain(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def _clear(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _read(path: Path) -> bytes:
    if path.is_symlink():
        raise FileNotFoundError(f"{path.name} is a link")
    with os.fdopen(os.open(path, os.O_RDONLY | _NOFOLLOW), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(f"{path.name} is too large")
    return data


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Make a folder's entries outlast a loss of power, where the system can say so."""
    with _handle(folder) as handle:
        if handle is not None:
            os.fsync(handle)


@contextmanager
def _handle(folder: Path) -> Iterator[int | None]:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)
