"""Setup files on disk: the built-in library, the user's folder, and every version ever seen."""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ParamSpec, TypeVar

from pydantic import ValidationError

from pipeline.domain.errors import SetupError, StoreDownError
from pipeline.setups.authoring import free_file
from pipeline.setups.rules import SetupSpec, SetupVersion, parse_setup
from pipeline.setups.versions import (
    Shelf,
    in_use,
    next_version,
    shelf_of,
    spec_among,
    spec_of,
    version_key,
)

_MARK = "#: "  # a kept version's first line: what is known of it, as JSON
_MAX_BYTES = 64 * 1024 + 1  # one more than a setup may have, so that the reader can say so
_ATTEMPTS = 20
_P = ParamSpec("_P")
_T = TypeVar("_T")


def builtin_library() -> Traversable:
    """Return the folder of the setups that come with the product."""
    return resources.files("pipeline.setups") / "library"


class FileSetupStore:
    """A `SetupStore` on three folders; nothing is held in memory, so processes may share them.

    Parameters
    ----------
    builtin_dir
        The library, `builtin_library()`; read only.
    user_dir
        The user's own files, may be absent; only `add` writes there.
    versions_dir
        `{setup_id}/v{X.Y}.yaml`, written once each and never changed.

    Notes
    -----
    Only `sync` makes versions; until it has run once, nothing is active. A setup whose file
    was taken away is no longer active; its versions stay and can be asked for by number.
    """

    def __init__(self, builtin_dir: Traversable, user_dir: Path, versions_dir: Path) -> None:
        self._builtin_dir = builtin_dir
        self._user_dir = user_dir
        self._versions_dir = versions_dir

    async def active(self) -> list[SetupSpec]:
        """Return the newest active version of each setup, by id. Broken files are left out."""
        return await _off_loop(self._active)

    async def problems(self) -> list[str]:
        """Return one line per file that could not be read: file, line, field, valid words."""
        return await _off_loop(self._problems)

    async def get(self, setup_id: str, version: str | None = None) -> SetupSpec:
        """Return one setup: that version, else the active one, else the newest."""
        return await _off_loop(self._get, setup_id, version)

    async def versions(self, setup_id: str) -> list[SetupVersion]:
        """Return all versions, oldest first; none for an unknown setup."""
        return await _off_loop(self._versions, setup_id)

    async def sync(self, now: datetime) -> list[SetupVersion]:
        """Read both folders; every changed file becomes a new version. Return the new ones."""
        return await _off_loop(self._sync, now)

    async def is_builtin(self, setup_id: str) -> bool:
        """Tell whether a setup that comes with the product has that id."""
        return setup_id in (await _off_loop(self._shelf)).builtin

    async def add(self, text: str, now: datetime) -> SetupVersion:
        """Write a setup into the user's folder and return the version it is kept as."""
        return await _off_loop(self._add, text, now)

    def _add(self, text: str, now: datetime) -> SetupVersion:
        spec = parse_setup(text, "new file")
        there = _texts(self._user_dir) if self._user_dir.is_dir() else {}
        file = free_file(spec, self._shelf(), frozenset(there))
        _replace(self._user_dir / file, text.encode("utf-8", "surrogatepass"))
        self._keep(spec.setup_id, file, text, now)
        return self._versions(spec.setup_id)[-1]

    def _shelf(self) -> Shelf:
        library = _texts(self._builtin_dir) if self._builtin_dir.is_dir() else {}
        own = _texts(self._user_dir) if self._user_dir.is_dir() else {}
        return shelf_of(library, own)

    def _sync(self, now: datetime) -> list[SetupVersion]:
        made = []
        for setup_id, (file, text) in self._shelf().texts.items():
            try:
                version = self._keep(setup_id, file, text, now)
            except SetupError:
                continue  # a kept version can't be read; `problems` says so
            made += [] if version is None else [version]
        return made

    def _keep(self, setup_id: str, file: str, text: str, now: datetime) -> SetupVersion | None:
        """Write the next version; if another process was quicker, look again."""
        for _ in range(_ATTEMPTS):
            version = next_version(self._versions(setup_id), text, file, now)
            if version is None or _write_once(self._path(version), _written(version, file)):
                return version
        raise StoreDownError(f"versions of {setup_id} change faster than they can be read")

    def _path(self, version: SetupVersion) -> Path:
        return self._versions_dir / version.setup_id / f"v{version.rule_version}.yaml"

    def _versions(self, setup_id: str) -> list[SetupVersion]:
        return [version for version, _ in self._kept(setup_id)]

    def _kept(self, setup_id: str) -> list[tuple[SetupVersion, str]]:
        """Return a setup's versions with the file each came from, oldest first."""
        if not setup_id.isidentifier():
            return []
        paths = (self._versions_dir / setup_id).glob("v*.yaml")
        found = [_read_kept(path) for path in paths]
        return sorted(found, key=lambda kept: version_key(kept[0].rule_version))

    def _ids(self) -> list[str]:
        if not self._versions_dir.is_dir():
            return []
        return sorted(p.name for p in self._versions_dir.iterdir() if p.is_dir())

    def _active(self) -> list[SetupSpec]:
        shelf, found = self._shelf(), []
        for setup_id in self._ids():
            try:
                kept = self._kept(setup_id)
                version = in_use([v for v, _ in kept])
                there = setup_id in shelf.texts or (kept and kept[-1][1] in shelf.broken)
                if version is not None and there:
                    found.append(spec_of(version))
            except SetupError:
                continue  # `problems` says so
        return found

    def _problems(self) -> list[str]:
        lines = list(self._shelf().problems)
        for setup_id in self._ids():
            try:
                version = in_use(self._versions(setup_id))
                if version is not None:
                    spec_of(version)
            except SetupError as error:
                lines.append(error.user_text)
        return lines

    def _get(self, setup_id: str, version: str | None) -> SetupSpec:
        held = self._versions(setup_id)
        return spec_among(held, setup_id, version, () if held else self._ids())


async def _off_loop(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise StoreDownError(f"setup files can't be read or written: {error.strerror}") from error


def _texts(folder: Traversable | Path) -> dict[str, str]:
    """Return name -> text of the folder's YAML files; bytes that are no UTF-8 show as such."""
    found = {}
    for entry in folder.iterdir():
        if entry.name.endswith((".yaml", ".yml")) and entry.is_file():
            with entry.open("rb") as file:
                found[entry.name] = file.read(_MAX_BYTES).decode("utf-8", "replace")
    return found


def _written(version: SetupVersion, source: str) -> bytes:
    known = version.model_dump(mode="json", exclude={"text"}) | {"source": source}
    return f"{_MARK}{json.dumps(known, ensure_ascii=False)}\n{version.text}".encode(
        "utf-8", "surrogatepass"
    )


def _read_kept(path: Path) -> tuple[SetupVersion, str]:
    first, _, text = path.read_bytes().decode("utf-8", "replace").partition("\n")
    try:
        known = json.loads(first.removeprefix(_MARK))
        source = str(known.pop("source"))
        return SetupVersion.model_validate({**known, "text": text}), source
    except (ValueError, ValidationError, KeyError, AttributeError) as error:
        file = f"{path.parent.name}/{path.name}"
        raise SetupError(f"{file}:1: was changed by hand and can't be read", file=file) from error


def _replace(path: Path, data: bytes) -> None:
    """Write a file as a whole, in place of the one that may be there."""
    with _draft(path, data) as draft:
        draft.chmod(0o644)
        draft.replace(path)


def _write_once(path: Path, data: bytes) -> bool:
    """Write a new file as a whole; False if it is there already (also by another process)."""
    with _draft(path, data) as draft:
        try:
            os.link(draft, path)  # fails if the name is taken, where a rename would overwrite
        except FileExistsError:
            return False
    return True


@contextmanager
def _draft(path: Path, data: bytes) -> Iterator[Path]:
    """Give a whole file beside `path`; it is gone afterwards unless it was moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new_")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
