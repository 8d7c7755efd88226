"""The port of backups: making one, proving it, and what a folder holds of them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pipeline.domain.backup import Manifest


@dataclass(frozen=True)
class Kept:
    """A whole backup in a folder."""

    name: str
    manifest: Manifest


class Backups(Protocol):
    """Backups of this installation. A folder holds whole ones alone; what is half is hidden."""

    def folder(self, to: str | None) -> Path:
        """Return where a backup goes: `to`, else the folder of the settings."""
        ...

    async def make(self, folder: Path, run_id: str, now: datetime) -> Manifest:
        """Copy everything aside, for `seal`; an earlier try of the run is cleared away.

        Whoever calls holds the right to do so, `flows.housekeeping`.
        """
        ...

    async def seal(self, folder: Path, run_id: str) -> Kept:
        """Read what `make` wrote back, check every hash, and give it its name; or refuse it."""
        ...

    async def held(self, folder: Path) -> list[Kept]:
        """Return the whole backups of a folder, oldest first."""
        ...

    async def remove(self, folder: Path, name: str) -> None:
        """Remove one, at once."""
        ...
