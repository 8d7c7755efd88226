"""SharedSetups: setup files of several hosts; each has its folders, shared storage makes them one.

`rules/` and `versions/` in shared storage are what all hosts have; the folders here are copies.
A file written, changed or taken away on any host is so on all of them. Versions are made under a
lock of the database, so that two hosts never give one number to two texts.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.errors import StoreDownError, UnknownSetupError
from pipeline.setups.rules import SetupSpec, SetupVersion
from storage.database import alone, writing
from storage.object_port import SharedObjects
from storage.setup_files import FileSetupStore
from storage.telemetry import get_logger

log = get_logger(__name__)
_LOCK = 7_205_759_407
_FRESH_SECONDS = 5.0
_SEEN = ".shared.json"


class SharedSetups:
    """A `SetupStore` over `inner`, whose `rules` and `versions` folders are given.

    What another host has written is here within seconds; asked for by its version, at once.
    Without the storage what is here is used.
    """

    def __init__(
        self,
        inner: FileSetupStore,
        folders: tuple[Path, Path],
        objects: SharedObjects,
        engine: AsyncEngine,
    ) -> None:
        self._inner = inner
        self._rules, self._versions = folders
        self._objects = objects
        self._engine = engine
        self._fresh_until = 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def active(self) -> list[SetupSpec]:
        """Return the newest active version of each setup, by id."""
        self._refresh_behind()
        return await self._inner.active()

    async def problems(self) -> list[str]:
        """Return one line per file that could not be read."""
        self._refresh_behind()
        return await self._inner.problems()

    async def get(self, setup_id: str, version: str | None = None) -> SetupSpec:
        """Return one setup; one that isn't here yet is looked for in shared storage."""
        try:
            return await self._inner.get(setup_id, version)
        except UnknownSetupError:
            await asyncio.to_thread(self._fetch)
            return await self._inner.get(setup_id, version)

    async def versions(self, setup_id: str) -> list[SetupVersion]:
        """Return all versions, oldest first."""
        await asyncio.to_thread(self._fetch)
        return await self._inner.versions(setup_id)

    async def is_builtin(self, setup_id: str) -> bool:
        """Tell whether a setup that comes with the product has that id."""
        return await self._inner.is_builtin(setup_id)

    async def sync(self, now: datetime) -> list[SetupVersion]:
        """Read the folders and share the new versions; without the storage, read them."""
        try:
            async with self._made_equal():
                return await self._inner.sync(now)
        except StoreDownError as error:
            log.warning("setups_not_shared", error=error.user_text, **error.facts)
            return await self._inner.sync(now)

    async def add(self, text: str, now: datetime) -> SetupVersion:
        """Write a setup, and share it."""
        async with self._made_equal():
            return await self._inner.add(text, now)

    @asynccontextmanager
    async def _made_equal(self) -> AsyncIterator[None]:
        """Fetch before the block and send after it, while no other host does."""
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            await asyncio.to_thread(self._fetch)
            yield
            await asyncio.to_thread(self._send)

    def _refresh_behind(self) -> None:
        """Fetch in the background if that was long ago: no scan waits for the storage."""
        if time.monotonic() >= self._fresh_until and self._fetching is None:
            self._fetching = asyncio.create_task(asyncio.to_thread(self._fetch))
            self._fetching.add_done_callback(self._fetched)

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        self._fresh_until = time.monotonic() + _FRESH_SECONDS
        if not task.cancelled() and task.exception() is not None:
            log.warning("setups_not_fetched", error=repr(task.exception())[:200])

    def _fetch(self) -> None:
        """Bring what other hosts have written; what was changed here meanwhile stays."""
        here = {f"{path.parent.name}/{path.name}" for path in self._versions.glob("*/v*.yaml")}
        listed = (name.removeprefix("versions/") for name in self._objects.listed("versions"))
        missing = [f"versions/{name}" for name in listed if name not in here]
        for name, data in self._objects.get_many(missing).items():
            _write(self._versions / name.removeprefix("versions/"), data)
        seen, held, there = self._seen(), self._held(), self._objects.listed("rules")
        found = self._objects.get_many(there)
        shared = {name.removeprefix("rules/"): data for name, data in found.items()}
        for name in shared.keys() | seen.keys():
            if held.get(name) != seen.get(name):
                continue  # changed here: `_send` carries it over
            if name not in shared:
                (self._rules / name).unlink(missing_ok=True)
                seen.pop(name)
            elif _hash(shared[name]) != held.get(name):
                _write(self._rules / name, shared[name])
                seen[name] = _hash(shared[name])
        self._note(seen)

    def _send(self) -> None:
        """Share what was written, changed or taken away here."""
        there = self._objects.listed("versions")
        for path in self._versions.glob("*/v*.yaml"):
            name = f"versions/{path.parent.name}/{path.name}"
            if name not in there:
                self._objects.put(name, path.read_bytes())
        seen, held = self._seen(), self._held()
        for name in held.keys() | seen.keys():
            if name not in held:
                self._objects.remove([f"rules/{name}"])
            elif held[name] != seen.get(name):
                self._objects.put(f"rules/{name}", (self._rules / name).read_bytes())
        self._note(held)

    def _held(self) -> dict[str, str]:
        return {path.name: _hash(path.read_bytes()) for path in self._rules.glob("[!.]*.y*ml")}

    def _seen(self) -> dict[str, str]:
        """Return what the folder held when both sides were last made equal: name -> hash."""
        try:
            return dict(json.loads((self._rules / _SEEN).read_bytes()))
        except (FileNotFoundError, ValueError):
            return {}

    def _note(self, held: dict[str, str]) -> None:
        _write(self._rules / _SEEN, json.dumps(held, sort_keys=True).encode())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    passing = path.with_name(f".{path.name}.{token_hex(4)}")
    passing.write_bytes(data)
    passing.replace(path)
