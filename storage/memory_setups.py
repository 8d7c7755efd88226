"""A `SetupStore` in memory, for stories and front ends that need no disk."""

from collections.abc import Mapping
from datetime import datetime

from pipeline.setups.authoring import free_file
from pipeline.setups.rules import SetupSpec, SetupVersion, parse_setup
from pipeline.setups.versions import Shelf, in_use, next_version, shelf_of, spec_among, spec_of


class MemorySetupStore:
    """Setups from texts by file name; change `library` and `files`, then `sync`, as on disk."""

    def __init__(
        self, library: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
    ) -> None:
        self.library = dict(library or {})
        self.files = dict(files or {})
        self._held: dict[str, list[SetupVersion]] = {}
        self._source: dict[str, str] = {}

    def _shelf(self) -> Shelf:
        return shelf_of(self.library, self.files)

    async def active(self) -> list[SetupSpec]:
        """Return the newest active version of each setup, by id. Broken files are left out."""
        shelf, found = self._shelf(), []
        for setup_id, held in sorted(self._held.items()):
            version = in_use(held)
            there = setup_id in shelf.texts or self._source[setup_id] in shelf.broken
            if version is not None and there:
                found.append(spec_of(version))
        return found

    async def problems(self) -> list[str]:
        """Return one line per file that could not be read: file, line, field, valid words."""
        return self._shelf().problems

    async def get(self, setup_id: str, version: str | None = None) -> SetupSpec:
        """Return one setup: that version, else the active one, else the newest."""
        return spec_among(self._held.get(setup_id, []), setup_id, version, self._held)

    async def versions(self, setup_id: str) -> list[SetupVersion]:
        """Return all versions, oldest first; none for an unknown setup."""
        return list(self._held.get(setup_id, []))

    async def sync(self, now: datetime) -> list[SetupVersion]:
        """Make a version of every changed text. Return the new ones."""
        made = []
        for setup_id, (file, text) in self._shelf().texts.items():
            version = next_version(self._held.get(setup_id, []), text, file, now)
            if version is not None:
                self._held.setdefault(setup_id, []).append(version)
                self._source[setup_id] = file
                made.append(version)
        return made

    async def is_builtin(self, setup_id: str) -> bool:
        """Tell whether a setup of the library has that id."""
        return setup_id in self._shelf().builtin

    async def add(self, text: str, now: datetime) -> SetupVersion:
        """Write a setup into the user's folder and return the version it is kept as."""
        spec = parse_setup(text, "new file")
        self.files[free_file(spec, self._shelf(), frozenset(self.files))] = text
        await self.sync(now)
        return self._held[spec.setup_id][-1]
