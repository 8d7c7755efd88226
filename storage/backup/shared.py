"""The files that several hosts share, in a backup: objects under their own names, out and in."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.domain.backup import Manifest
from pipeline.domain.errors import BadRequestError
from storage.backup.names import OBJECTS
from storage.backup.packing import Member
from storage.object_port import SharedObjects

FOLDERS = ("archive", "bars", "models", "rules", "versions")


def shared_members(objects: SharedObjects, run_ids: Iterable[str]) -> Iterator[Member]:
    """Give the shared objects, and what the tasks of unfinished runs have left there.

    What is removed meanwhile is left out; if a row names it, the backup is made again.
    """
    for folder in (*FOLDERS, *(f"state/{run_id}" for run_id in run_ids)):
        for name in sorted(objects.listed(folder)):
            if any(part.startswith(".") for part in name.split("/")):
                continue
            try:
                data = objects.get(name)
            except FileNotFoundError:
                continue
            yield f"{OBJECTS}/{name}", io.BytesIO(data)


def refuse_misplaced(manifest: Manifest, objects: SharedObjects | None) -> None:
    """Refuse to put shared files into one host's home, or the other way, or over others.

    Raises
    ------
    BadRequestError
        Naming what to do about STORAGE_URL.
    """
    shared = any(entry.path.startswith(f"{OBJECTS}/") for entry in manifest.files)
    if shared and objects is None:
        raise BadRequestError(
            "The files of this backup lay in storage that hosts share: set STORAGE_URL to an "
            "empty place.",
            field="STORAGE_URL",
        )
    if objects is None:
        return
    if not shared:
        raise BadRequestError(
            "The files of this backup lay in one host's home: unset STORAGE_URL to restore them.",
            field="STORAGE_URL",
        )
    for folder in FOLDERS:
        if objects.listed(folder):
            raise BadRequestError(
                f"The shared storage is not empty: it has {folder}. A backup is restored into an "
                "empty place only.",
                field="STORAGE_URL",
            )


def put_back(objects: SharedObjects, folder: Path) -> None:
    """Put every unpacked object back under its name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            objects.put(path.relative_to(folder).as_posix(), path.read_bytes())


def missing_objects(objects: SharedObjects, names: Iterable[str]) -> list[str]:
    """Return those of the names under which nothing is."""
    there = {name for folder in FOLDERS for name in objects.listed(folder)}
    return sorted(set(names) - there)
