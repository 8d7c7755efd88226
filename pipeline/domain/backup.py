"""A backup: what is asked for, what lies in it, and what is told of it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.product import PRODUCT, VERSION
from pipeline.domain.request import TaskRecord

FORMAT = 1
"""The layout of a backup; a reader refuses one that it doesn't know."""

DatabaseKind = Literal["sqlite", "pg_dump", "rows"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BackupRequest(_Frozen):
    """A backup that is asked for; `to` is another folder than the one of the settings."""

    to: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class FileEntry(_Frozen):
    """One file of a backup under its name there."""

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class DatabaseEntry(_Frozen):
    """How a database lies in a backup.

    Parameters
    ----------
    kind
        A whole SQLite file, PostgreSQL's own dump, or rows as JSON lines.
    revision
        Alembic's; empty for a database that isn't ours.
    rows
        Rows of each table at the moment of the copy.
    file
        Its name in the backup.
    """

    kind: DatabaseKind
    revision: str = ""
    rows: dict[str, int] = Field(default_factory=dict)
    file: str


class Manifest(_Frozen):
    """What a backup holds; its `manifest.json`.

    Parameters
    ----------
    archive
        The one packed file that holds all others.
    damaged
        Files that the database names and that were missing or altered before the backup began.
    left_out
        What is not in the backup although it may exist, and why.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a later version may say more

    product: str = PRODUCT
    format: int = FORMAT
    version: str = VERSION
    created_at: datetime
    run_id: str = ""
    database: DatabaseEntry
    prefect: DatabaseEntry | None = None
    archive: FileEntry
    files: tuple[FileEntry, ...]
    damaged: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def unpacked(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    def part_sizes(self) -> dict[str, int]:
        """Return the bytes of each part, such as database, bars and archive."""
        sizes: dict[str, int] = {}
        for entry in self.files:
            part = part_of(entry.path)
            sizes[part] = sizes.get(part, 0) + entry.size
        return sizes


def part_of(path: str) -> str:
    """Return the part of a backup that a file belongs to."""
    first, _, rest = path.partition("/")
    if first not in ("home", "objects"):
        return first
    return rest.partition("/")[0] if "/" in rest else "files"


class BackupReport(_Frozen):
    """What a backup came to."""

    run_id: str
    flow_type: Literal["backup_flow"] = "backup_flow"
    flow_status: Literal["completed"] = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    results_summary: dict[str, Any]
    artifacts: dict[str, Any] = Field(default_factory=dict)
    request: dict[str, Any]
    place: str
    database: DatabaseKind
    revision: str
    rows: int
    files: int
    parts: dict[str, int] = Field(description="bytes of each part, unpacked")
    unpacked: int
    packed: int
    grown: int | None = Field(default=None, description="packed bytes more than the last one's")
    last: str = ""
    seconds: dict[str, float]
    verified: bool
    prefect: bool
    removed: tuple[str, ...] = ()
    kept: int
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)
