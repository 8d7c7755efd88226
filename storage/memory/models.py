"""MemoryModelRegistry: models and their use in memory, by the same rules as on disk."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.domain.model import GateVerdict, ModelStanding, ModelVersion
from storage.model_ports import StoredModel
from storage.model_rules import (
    Sealed,
    check_standing,
    checked_number,
    dropped,
    good_id,
    named,
    number_of,
    opened,
    refused,
    sealed,
    version_of,
)


@dataclass(frozen=True)
class _Kept:
    bytes: Sealed | None  # None: removed; its number stays
    row: ModelVersion


class MemoryModelRegistry:
    """Models in dicts; see `storage.model_ports.ModelRegistry`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._last: dict[str, int] = {}
        self._history: dict[str, list[ModelStanding]] = {}

    async def next_version(self, model_id: str) -> str:
        """Return the version that a new model gets; the number is spent, used or not."""
        if not good_id(model_id):
            raise ValueError(f"no model is called {model_id!r}")
        given = [number_of(version) or 0 for name, version in self._kept if name == model_id]
        self._last[model_id] = max(self._last.get(model_id, 0), *given, 0) + 1
        return version_of(self._last[model_id])

    async def put(
        self, model: StoredModel, verdict: GateVerdict | None, now: datetime
    ) -> ModelVersion:
        """Keep a version. The same one again is no error."""
        name = model.manifest
        checked_number(name)
        kept, place = sealed(model), (name.model_id, name.version)
        row = ModelVersion(
            model_id=name.model_id, version=name.version, created_at=now, run_id=name.run_id,
            verdict=verdict, path=f"{name.model_id}/{name.version}",
        )  # fmt: skip
        there = self._kept.setdefault(place, _Kept(kept, row))
        if there.bytes != kept:
            raise ValueError(f"{named(*place)} is another model")
        return there.row

    async def get(self, model_id: str, version: str) -> StoredModel:
        """Return a version."""
        kept = self._kept.get((model_id, version))
        if kept is None or kept.bytes is None:
            raise refused(named(model_id, version), "missing", "it is not kept")
        return opened(kept.bytes, model_id, version)

    async def versions(self, model_id: str) -> list[ModelVersion]:
        """Return all versions, newest first."""
        there = (kept.row for kept in self._kept.values() if kept.bytes is not None)
        mine = [row for row in there if row.model_id == model_id]
        return sorted(mine, key=lambda row: number_of(row.version) or 0, reverse=True)

    async def models(self) -> list[str]:
        """Return the ids of all models."""
        return sorted({k.row.model_id for k in self._kept.values() if k.bytes is not None})

    async def standing(self, model_id: str) -> ModelStanding:
        """Return which versions are in use."""
        history = self._history.get(model_id)
        return history[-1] if history else ModelStanding(model_id=model_id)

    async def change(self, standing: ModelStanding, expected: ModelStanding) -> bool:
        """Put a standing in the place of the one that was read; False: it was changed."""
        model_id = standing.model_id
        check_standing(standing, [row.version for row in await self.versions(model_id)])
        if await self.standing(model_id) != expected:
            return False
        self._history.setdefault(model_id, []).append(standing)
        return True

    async def history(self, model_id: str) -> list[ModelStanding]:
        """Return the standings a model had, newest first."""
        return self._history.get(model_id, [])[::-1]

    async def removable(self, model_id: str, count: int) -> list[str]:
        """Return which versions `keep_last` would remove."""
        kept = [row.version for row in await self.versions(model_id)]
        standing, history = await self.standing(model_id), await self.history(model_id)
        return dropped(kept, count, standing, history)

    async def keep_last(self, model_id: str, count: int, now: datetime) -> list[str]:
        """Remove all but the newest; return which versions."""
        del now
        gone = await self.removable(model_id, count)
        for version in gone:
            place = model_id, version
            self._kept[place] = _Kept(None, self._kept[place].row)
        return gone
