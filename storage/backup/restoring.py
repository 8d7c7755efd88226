"""Restoring a backup into an empty place: everything is checked before anything is written."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

from sqlalchemy import make_url

from pipeline.domain.backup import FileEntry, Manifest
from pipeline.domain.errors import AppError, BadRequestError, DataError
from pipeline.domain.request import Actor, AuditEvent, RunStatus
from storage.audit import SqlAuditLog
from storage.backup.checking import check, unpack_checked
from storage.backup.databases import copy_in, is_empty, rows_now
from storage.backup.facts import facts_of
from storage.backup.shared import missing_objects, put_back, refuse_misplaced
from storage.database import migrate, open_database, reading
from storage.object_port import SharedObjects
from storage.revisions import known_revisions, newest_revision
from storage.runs import SqlRunStore

ASIDE = ".restoring"
_SHOWN = 5
_SPARE = 32 * 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What a restore came to.

    Parameters
    ----------
    migrated
        Revisions from and to; the same: nothing was migrated.
    prefect
        Where the dump of Prefect's database lies now; None: the backup has none.
    missing
        Files that rows name and that the backup had not either.
    """

    manifest: Manifest
    migrated: tuple[str, str]
    prefect: Path | None
    missing: tuple[str, ...]


async def restore(
    backup: Path,
    home: Path,
    database_url: str,
    actor: Actor,
    now: datetime,
    *,
    objects: SharedObjects | None = None,
) -> Restored:
    """Restore a backup into an empty folder and an empty database.

    Raises
    ------
    AppError
        Something is there already, the backup is damaged or another's, or it was written by a
        newer version. Nothing was written then.
    """
    await asyncio.to_thread(_refuse_full, home)
    manifest = await asyncio.to_thread(check, backup)
    _refuse_newer(manifest)
    await asyncio.to_thread(refuse_misplaced, manifest, objects)
    await _refuse_used(database_url, manifest)
    await asyncio.to_thread(_refuse_large, home, manifest)
    aside = home / ASIDE
    try:
        await asyncio.to_thread(_unpack, backup, manifest, aside)
        await copy_in(database_url, manifest.database, aside / manifest.database.file)
        await _compare(database_url, manifest)
        await migrate(database_url)
        await asyncio.to_thread(_settle, aside, home, objects)
        missing = await _missing(database_url, home, objects)
        await _note(database_url, backup, manifest, actor, now)
    except BaseException:
        await asyncio.to_thread(_forget, database_url)
        raise
    finally:
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
    prefect = home / manifest.prefect.file if manifest.prefect else None
    moved = manifest.database.revision, newest_revision()
    return Restored(manifest, moved, prefect, missing)


def _refuse_full(home: Path) -> None:
    """Refuse a place with anything in it, and name what is there."""
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise BadRequestError(f"{home} is no folder.", field="into", value=str(home))
    there = sorted(path.name for path in home.iterdir()) if home.exists() else []
    if not there:
        return
    shown = ", ".join(there[:_SHOWN]) + (
        f" and {len(there) - _SHOWN} more" if there[_SHOWN:] else ""
    )
    broken = " An earlier restore was broken off there." if ASIDE in there else ""
    raise BadRequestError(
        f"{home} is not empty: it has {shown}.{broken} A backup is restored into an empty folder "
        "only.",
        field="into", value=str(home),
    )  # fmt: skip


def _refuse_newer(manifest: Manifest) -> None:
    if manifest.database.revision not in known_revisions():
        raise AppError(
            f"The backup was written by version {manifest.version}, whose database (revision "
            f"{manifest.database.revision}) this version doesn't know: please update first."
        )


async def _refuse_used(url: str, manifest: Manifest) -> None:
    """Refuse a database with anything in it, or one that the backup can't fill."""
    shown = make_url(url).render_as_string(hide_password=True)
    sqlite = make_url(url).get_backend_name() == "sqlite"
    if manifest.database.kind == "pg_dump" and sqlite:
        raise BadRequestError(
            "This backup's database is a dump of PostgreSQL: set DATABASE_URL to an empty "
            "PostgreSQL database.",
            field="DATABASE_URL", value=shown,
        )  # fmt: skip
    if not await is_empty(url):
        raise BadRequestError(
            f"The database {shown} is not empty: a backup is restored into an empty one only.",
            field="DATABASE_URL", value=shown,
        )  # fmt: skip


def _refuse_large(home: Path, manifest: Manifest) -> None:
    """Make the folder; refuse if the disk has no room for what the manifest promises."""
    home.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(home).free, manifest.unpacked + _SPARE
    if needed > free:
        raise AppError(
            f"The backup unpacks to {needed / 1e6:,.0f} MB; {home} has {free / 1e6:,.0f} MB free."
        )


def _unpack(backup: Path, manifest: Manifest, aside: Path) -> None:
    """Write every file aside; one that exists already is never written over."""

    def take(entry: FileEntry) -> IO[bytes]:
        target = aside / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        return os.fdopen(handle, "wb")

    aside.mkdir(mode=0o700)
    unpack_checked(backup, manifest, take)


async def _compare(url: str, manifest: Manifest) -> None:
    """Hold the rows of each table against the manifest."""
    rows = await rows_now(url)
    wrong = [
        f"{table} has {rows.get(table, 0)} of {count}"
        for table, count in sorted(manifest.database.rows.items())
        if rows.get(table, 0) != count
    ]
    if wrong:
        raise DataError(f"The restored database is not the backup's: {', '.join(wrong[:_SHOWN])}.")


def _forget(url: str) -> None:
    """Remove the SQLite file of a restore that failed; there was none before it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{parsed.database}{suffix}").unlink(missing_ok=True)


def _settle(aside: Path, home: Path, objects: SharedObjects | None) -> None:
    """Move what was unpacked to its place."""
    if objects is not None:
        put_back(objects, aside / "objects")
    moved = aside / "home"
    for path in sorted(moved.iterdir()) if moved.is_dir() else ():
        path.rename(home / path.name)
    if (aside / "prefect").is_dir():
        (aside / "prefect").rename(home / "prefect")


async def _missing(url: str, home: Path, objects: SharedObjects | None) -> tuple[str, ...]:
    """Return the files that rows name and that are not there."""
    looked = partial(facts_of, shared=objects is not None)
    database = open_database(url)
    try:
        async with reading(database.engine) as connection:
            facts = await connection.run_sync(looked)
    finally:
        await database.close()
    if objects is not None:
        shared = [name.removeprefix("objects/") for name in facts.files]
        return tuple(await asyncio.to_thread(missing_objects, objects, shared))
    names = [name.removeprefix("home/") for name in facts.files]
    absent: Callable[[], list[str]] = lambda: [n for n in names if not (home / n).is_file()]  # noqa: E731
    return tuple(sorted(await asyncio.to_thread(absent)))


async def _note(url: str, backup: Path, manifest: Manifest, actor: Actor, now: datetime) -> None:
    """Write into the trail what was done; the run that made the backup is not to go on."""
    what = {"backup": backup.name, "created_at": manifest.created_at.isoformat()}
    event = AuditEvent(at=now, actor=actor, action="restore", what=what, verdict="accepted")
    database = open_database(url)
    try:
        await SqlAuditLog(database.engine).append(event)
        await SqlRunStore(database.engine).finish(
            manifest.run_id, RunStatus.CANCELLED, now, error="It made the backup restored here."
        )
    finally:
        await database.close()
