"""FileBackups: backups as folders, each written aside, read back, and only then named."""

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import make_url

from pipeline.domain.backup import DatabaseEntry, FileEntry, Manifest
from pipeline.domain.errors import AppError, DataError, StoreDownError
from storage.backup.checking import (
    MANIFEST,
    PACKED,
    SUMS,
    check,
    looks_whole,
    read_manifest,
    sums_of,
)
from storage.backup.databases import copy_out, dump_whole
from storage.backup.facts import Facts
from storage.backup.packing import Member, pack
from storage.backup.port import Kept
from storage.backup.shared import shared_members
from storage.backup.sources import home_members
from storage.object_port import SharedObjects

_ASIDE = ".new_"
_GONE = ".gone_"
_NAME = re.compile(r"scout-\d{8}T\d{6}Z(?:-\d+)?")
_TRIES = 4
_P = ParamSpec("_P")
_T = TypeVar("_T")


class FileBackups:
    """Backups of a home and its databases; see `storage.backup.port.Backups`.

    Parameters
    ----------
    home, database_url
        What is copied.
    standard
        The folder of the settings.
    prefect_url
        Prefect's own database, or None: it is not ours to copy.
    objects
        What several hosts share, or None: all files are in the home.
    """

    def __init__(
        self,
        home: Path,
        database_url: str,
        standard: Path,
        *,
        prefect_url: str | None = None,
        objects: SharedObjects | None = None,
    ) -> None:
        self._home = home
        self._url = database_url
        self._standard = standard
        self._prefect_url = prefect_url
        self._objects = objects

    def folder(self, to: str | None) -> Path:
        """Return where a backup goes."""
        return Path(to).expanduser().absolute() if to else self._standard

    async def make(self, folder: Path, run_id: str, now: datetime) -> Manifest:
        """Copy everything aside.

        The database goes first and the files after it, so that no row names a file that came
        later. If one was rewritten meanwhile, all is copied again; what is wrong twice in the
        same way was damaged before and is named.
        """
        aside = folder / f"{_ASIDE}{run_id}"
        work = aside / "work"
        await _off_loop(_cleared, folder, aside, work)
        prefect, notes = await self._prefect(work)
        before: dict[str, str] | None = None
        for _ in range(_TRIES):
            entry, facts, told = await copy_out(self._url, work, shared=self._objects is not None)
            made = await self._packed(aside, entry, prefect, facts)
            wrong = _differing(facts, made[0])
            if not wrong or wrong == before:
                break
            before = wrong
        else:
            raise StoreDownError("Files change faster than they can be copied; please try again.")
        manifest = Manifest(
            created_at=now,
            run_id=run_id,
            database=entry,
            prefect=prefect,
            archive=made[1],
            files=tuple(made[0]),
            damaged=tuple(sorted(wrong)),
            left_out=(*notes, *told),
        )
        await _off_loop(_signed, aside, manifest)
        return manifest

    async def seal(self, folder: Path, run_id: str) -> Kept:
        """Read it all back, then rename it."""
        aside = folder / f"{_ASIDE}{run_id}"
        manifest = await _off_loop(check, aside)
        name = await _off_loop(
            _named, folder, aside, f"scout-{manifest.created_at:%Y%m%dT%H%M%SZ}"
        )
        return Kept(name, manifest)

    async def held(self, folder: Path) -> list[Kept]:
        """Return the whole backups, oldest first."""
        found = await _off_loop(_held, folder)
        return sorted(found, key=lambda kept: (kept.manifest.created_at, kept.name))

    async def remove(self, folder: Path, name: str) -> None:
        """Hide it, then remove it."""
        if _NAME.fullmatch(name):
            await _off_loop(_removed, folder, name)

    async def _prefect(self, work: Path) -> tuple[DatabaseEntry | None, list[str]]:
        """Dump Prefect's database if it can be reached; its rows are a view, so it may lack."""
        if self._prefect_url is None:
            return None, []
        if not _reachable(self._prefect_url):
            return None, ["Prefect's database: it does not run, or not on this machine."]
        try:
            return await dump_whole(self._prefect_url, work / "prefect.dump"), []
        except AppError as error:
            return None, [f"Prefect's database: {error.user_text}"]

    def _files(self, facts: Facts) -> Iterator[Member]:
        if self._objects is None:
            return home_members(self._home, facts.unfinished)
        alone = home_members(self._home, (), trees=())
        return chain(alone, shared_members(self._objects, facts.unfinished))

    async def _packed(
        self, aside: Path, entry: DatabaseEntry, prefect: DatabaseEntry | None, facts: Facts
    ) -> tuple[list[FileEntry], FileEntry]:
        """Pack all files; a caller that goes away ends it at the next file."""
        given_up = threading.Event()
        copies = [aside / "work" / Path(one.file).name for one in (entry, prefect) if one]

        def members() -> Iterator[Member]:
            names = [one.file for one in (entry, prefect) if one]
            for name, path in zip(names, copies, strict=True):
                yield name, path.open("rb")
            for member in self._files(facts):
                if given_up.is_set():
                    raise StoreDownError("The backup was given up.")
                yield member

        try:
            return await _off_loop(pack, aside / PACKED, members())
        finally:
            given_up.set()


def _differing(facts: Facts, entries: list[FileEntry]) -> dict[str, str]:
    """Return the files that rows name and that are not here as they say, with what is."""
    here = {entry.path: entry.sha256 for entry in entries}
    return {
        name: here.get(name, "")
        for name, sha256 in facts.files.items()
        if name not in here or (sha256 and here[name] != sha256)
    }


def _reachable(url: str) -> bool:
    """Tell whether a server may be there: where it is a socket's folder, it must have one."""
    parsed = make_url(url)
    host = parsed.query.get("host")
    if isinstance(host, str) and host.startswith("/"):
        return any(Path(host).glob(".s.PGSQL.*"))
    return True


def _cleared(folder: Path, aside: Path, work: Path) -> None:
    """Remove what died before, and make an empty place that only we may look into."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob(f"{_ASIDE}*"), *folder.glob(f"{_GONE}*")):
        shutil.rmtree(old, ignore_errors=True)
    aside.mkdir(mode=0o700)
    work.mkdir(mode=0o700)


def _signed(aside: Path, manifest: Manifest) -> None:
    """Write the manifest and the sums last; the copies that were packed go."""
    shutil.rmtree(aside / "work")
    _write(aside / MANIFEST, manifest.model_dump_json(indent=1))
    _write(aside / SUMS, sums_of(aside, (MANIFEST, PACKED)))


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _named(folder: Path, aside: Path, wanted: str) -> str:
    name, number = wanted, 1
    while (folder / name).exists():
        number += 1
        name = f"{wanted}-{number}"
    aside.rename(folder / name)
    _make_names_last(folder)
    return name


def _make_names_last(folder: Path) -> None:
    with suppress(PermissionError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _held(folder: Path) -> list[Kept]:
    found = []
    for path in folder.glob("scout-*") if folder.is_dir() else ():
        if not _NAME.fullmatch(path.name) or path.is_symlink():
            continue
        try:
            manifest = read_manifest(path)
        except DataError:
            continue
        if looks_whole(path, manifest):
            found.append(Kept(path.name, manifest))
    return found


def _removed(folder: Path, name: str) -> None:
    gone = folder / f"{_GONE}{name}"
    (folder / name).rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


async def _off_loop(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise StoreDownError(
            f"The folder of backups can't be used: {error.strerror}.", cause=f"{error}"
        ) from error
