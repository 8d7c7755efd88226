"""BarCache: month files of shared bars, kept on this host's disk by their names.

A month file never changes (another content is another name), so what is here is right. Several
processes share the folder; the files that were used longest ago go first. Blocking.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from pipeline.domain.errors import StoreDownError
from storage.object_port import SharedObjects

_SLACK = 0.9  # a full cache is emptied to this share, so that not every file needs a clearing


class BarCache:
    """The files of `bars/` under `root`, at most `most_bytes` of them."""

    def __init__(self, root: Path, objects: SharedObjects, most_bytes: int) -> None:
        self._root = root
        self._objects = objects
        self._most = most_bytes

    def folder(self, symbol: str, timeframe: str) -> Path:
        """Return where a holding's files lie; the folder is made."""
        folder = self._root / symbol / timeframe
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def bring(self, symbol: str, timeframe: str, files: Sequence[str]) -> Path:
        """Make sure that files are here, and return their folder; FileNotFoundError: one is gone.

        What is missing is fetched at once, and what lies here is noted as used.
        """
        folder = self.folder(symbol, timeframe)
        missing = [name for name in files if not _used(folder / name)]
        if missing:
            self.fetch(symbol, timeframe, missing)
            self.shrink(keep={folder / name for name in files})
        return folder

    def fetch(self, symbol: str, timeframe: str, files: Sequence[str]) -> None:
        """Bring files anew, whatever lies here; FileNotFoundError: one is gone."""
        folder = self.folder(symbol, timeframe)
        fetched = self._objects.get_many(f"bars/{symbol}/{timeframe}/{name}" for name in files)
        for name, data in fetched.items():
            _write(folder / name.rpartition("/")[2], data)

    def shrink(self, keep: set[Path]) -> None:
        """Remove what was used longest ago while there is too much, but not what is in use."""
        found = []
        for path in self._root.glob("*/*/*.parquet"):
            with suppress(FileNotFoundError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        held = sum(size for _, size, _ in found)
        if held <= self._most:
            return
        for _, size, path in sorted(found):
            if held <= self._most * _SLACK:
                return
            if path not in keep:
                path.unlink(missing_ok=True)
                held -= size


def _used(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    passing = path.with_name(f"{path.name}.{token_hex(4)}.tmp")
    try:
        passing.write_bytes(data)
        passing.replace(path)
    except OSError as error:
        raise StoreDownError(f"bars can't be cached: {error.strerror}", store="cache") from error
    finally:
        passing.unlink(missing_ok=True)
