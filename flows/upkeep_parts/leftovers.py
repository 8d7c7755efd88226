"""What processes that died left behind: half files anywhere, archive files without a row."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flows.upkeep_parts.job import Job
from pipeline.domain.upkeep import PartReport
from storage.upkeep_ports import Freed

_HALF = ("*.tmp", "*.part")
_FOLDERS = ("bars", "rules", "versions", "imports", "backups", "labels")
_AGE_DAYS = 1
_AT_ONCE = 50
_SHOWN = 3


async def leftovers(job: Job) -> PartReport:
    """Remove half files and files without a row that are a day old; tell rows without a file."""
    before, files = job.before(_AGE_DAYS), job.services.upkeep.files
    astray = await files.compare(before)
    home = job.services.settings.home
    half = await asyncio.to_thread(_half_files, home, before.timestamp())
    freed = Freed(len(astray.strays) + len(half), sum(astray.strays.values()) + sum(half.values()))
    found = freed.files
    if not job.dry:
        freed = await asyncio.to_thread(_unlink, half, before.timestamp())

        async def remove(some: Sequence[str]) -> None:
            nonlocal freed
            freed += await files.remove_strays(some, before)

        await job.all_of(list(astray.strays), remove, _AT_ONCE)
    return PartReport(
        part="leftovers", found=found, removed=freed.files, freed=freed.size, unit="files",
        notes=_lost(astray.lost),
    )  # fmt: skip


def _lost(paths: Sequence[str]) -> tuple[str, ...]:
    """Say which rows have no file; they go with their age, as a backup may bring the file back."""
    if not paths:
        return ()
    shown = ", ".join(paths[:_SHOWN]) + (" …" if len(paths) > _SHOWN else "")
    return (f"{len(paths)} files of the archive are missing: {shown}",)


def _half_files(home: Path, before: float) -> dict[Path, int]:
    """Return what was begun under a passing name and never renamed, with its size."""
    found = {}
    for folder in _FOLDERS:
        for pattern in _HALF:
            for path in (home / folder).rglob(pattern):
                with suppress(FileNotFoundError):
                    known = path.stat()
                    if path.is_file() and known.st_mtime < before:
                        found[path] = known.st_size
    return found


def _unlink(files: dict[Path, int], before: float) -> Freed:
    gone = []
    for path, size in files.items():
        with suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()
                gone.append(size)
    return Freed(len(gone), sum(gone))
