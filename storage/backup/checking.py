"""Reading a backup: its manifest, and whether every byte is as it was written."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from pipeline.domain.backup import FORMAT, FileEntry, Manifest
from pipeline.domain.errors import DataError
from pipeline.domain.product import PRODUCT
from storage.backup.packing import Take, entry_of, unpack

MANIFEST, PACKED, SUMS = "manifest.json", "files.tar.zst", "SHA256SUMS"
_MOST = 128 * 1024 * 1024  # bytes of a manifest
_SUM = re.compile(r"([0-9a-f]{64}) [ *]([\w.]+)")


def read_manifest(folder: Path) -> Manifest:
    """Return a backup's manifest.

    Raises
    ------
    DataError
        There is none, it can't be read, or it is another product's or of a later form.
    """
    data = _manifest_bytes(folder)
    try:
        raw = json.loads(data)
        product, form = raw.get("product"), raw.get("format")
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{folder / MANIFEST} is damaged.", cause=f"{error}") from error
    if product != PRODUCT:
        raise DataError(f"{folder} is no backup of {PRODUCT}; it says {str(product)[:60]!r}.")
    if form != FORMAT:
        raise DataError(f"{folder} is a backup of form {form!r}; this version reads {FORMAT}.")
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DataError(f"{folder / MANIFEST} is damaged at {where}.") from error


def _manifest_bytes(folder: Path) -> bytes:
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise DataError(f"{folder} is no backup: it has no {MANIFEST} to read.") from error
    if len(data) > _MOST:
        raise DataError(f"{path} is too large.")
    return data


def looks_whole(folder: Path, manifest: Manifest) -> bool:
    """Tell whether all files of a backup are there at their size, without reading them."""
    packed = folder / PACKED
    return (
        (folder / SUMS).is_file()
        and packed.is_file()
        and packed.stat().st_size == manifest.archive.size
    )


def check(folder: Path) -> Manifest:
    """Read a backup from end to end and return its manifest if every hash is right.

    Raises
    ------
    DataError
        Naming what is missing, damaged or not allowed.
    """
    manifest = read_manifest(folder)
    _check_sums(folder, manifest)
    _check_packed(folder, manifest)
    unpack(folder / PACKED, manifest.files, _nowhere)
    return manifest


def unpack_checked(folder: Path, manifest: Manifest, take: Take) -> None:
    """Hand a backup's files on, each only if it still is what the manifest says."""
    unpack(folder / PACKED, manifest.files, take)


def sums_of(folder: Path, names: Iterable[str]) -> str:
    """Return the lines that `sha256sum -c` reads."""
    return "".join(f"{entry_of(folder / name, name).sha256}  {name}\n" for name in names)


def _check_packed(folder: Path, manifest: Manifest) -> None:
    try:
        found = entry_of(folder / PACKED, PACKED)
    except OSError as error:
        raise DataError(f"{folder / PACKED} can't be read.", cause=f"{error}") from error
    if found != manifest.archive:
        short = " and cut off" if found.size < manifest.archive.size else ""
        raise DataError(f"{folder / PACKED} is damaged{short}.")


def _check_sums(folder: Path, manifest: Manifest) -> None:
    try:
        text = (folder / SUMS).read_bytes()[:4096].decode("ascii", "replace")
    except OSError as error:
        raise DataError(f"{folder} has no {SUMS}: it is not whole.") from error
    sums = {name: digest for digest, name in _SUM.findall(text)}
    right = hashlib.sha256(_manifest_bytes(folder)).hexdigest()
    if sums != {MANIFEST: right, PACKED: manifest.archive.sha256}:
        raise DataError(f"{folder / MANIFEST} or {SUMS} is damaged: the hashes differ.")


def _nowhere(_entry: FileEntry) -> None:
    return None
