"""MemoryUpkeep: what is kept for a time only, in memory; for tests and for trying things."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pipeline.domain.label import Label
from storage.memory.archive import MemoryArchive
from storage.memory.chats import MemoryChatStore
from storage.memory.models import MemoryModelRegistry
from storage.memory.outbox import MemoryOutbox
from storage.memory.runs import MemoryRunStore
from storage.memory.signals import MemorySignalStore
from storage.upkeep_ports import PASSING, Freed, Kind, Mismatch, OldFile, Pointers

_EVERY = 1_000_000_000


class MemoryRetention:
    """Old rows of stores in memory; see `storage.upkeep_ports.RetentionStore`.

    Warning
    -------
    Of times of schedules, keys of requests, cooldowns and pulses nothing is forgotten: those in
    memory are gone with the process.
    """

    def __init__(
        self,
        runs: MemoryRunStore,
        outbox: MemoryOutbox,
        chats: MemoryChatStore,
        signals: MemorySignalStore,
        models: MemoryModelRegistry,
        labels: dict[tuple[str, str], Label],
    ) -> None:
        self._runs, self._outbox, self._chats = runs, outbox, chats
        self._signals, self._models, self._labels = signals, models, labels

    async def pointers(self) -> Pointers:
        """Return which runs something points to."""
        signals = await self._signals.newest(_EVERY)
        models = [
            version.run_id
            for model_id in await self._models.models()
            for version in await self._models.versions(model_id)
        ]
        return Pointers(
            models=_some(models),
            labels=_some(label.run_id for label in self._labels.values()),
            signals=_some(name for s in signals for name in (s.run_id, s.origin)),
            deliveries=_some(self._outbox.owed_runs()),
        )

    async def old_runs(self, before: datetime) -> list[str]:
        """Return the runs that ended before that, oldest first."""
        return self._runs.ended_before(before)

    async def forget_runs(self, run_ids: Sequence[str], before: datetime) -> int:
        """Forget those that are ended and still that old."""
        gone = set(run_ids) & set(self._runs.ended_before(before))
        self._runs.forget(gone)
        return len(gone)

    async def count(self, kind: Kind, before: datetime) -> int:
        """Return how many rows of a kind are old."""
        return len(self._old(kind, before))

    async def forget(self, kind: Kind, before: datetime, limit: int) -> int:
        """Forget some."""
        gone = self._old(kind, before)[:limit]
        if kind is Kind.MEMORIES:
            self._chats.forget([str(key) for key in gone])
        else:
            self._outbox.forget([int(number) for number in gone])
        return len(gone)

    def _old(self, kind: Kind, before: datetime) -> Sequence[str | int]:
        if kind is Kind.MEMORIES:
            return [key for key in self._chats.before(before) if key.startswith(PASSING)]
        if kind in (Kind.SENT, Kind.GIVEN_UP):
            return self._outbox.settled("sent" if kind is Kind.SENT else "failed", before)
        return []


def _some(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if name)


class MemoryArchiveUpkeep:
    """A memory archive's files; a dict has nothing astray. See `upkeep_ports.ArchiveUpkeep`."""

    def __init__(self, archive: MemoryArchive) -> None:
        self._archive = archive

    async def old(self, before: datetime) -> list[OldFile]:
        """Return the files that were last written before that, oldest first."""
        return self._archive.old(before)

    async def forget(self, paths: Sequence[str], before: datetime) -> Freed:
        """Forget those that are still that old."""
        return self._archive.forget(paths, before)

    async def compare(self, before: datetime) -> Mismatch:
        """Return that nothing is astray."""
        del before
        return Mismatch()

    async def remove_strays(self, paths: Sequence[str], before: datetime) -> Freed:
        """Remove nothing, as nothing is astray."""
        del paths, before
        return Freed()


class MemoryDatabaseCare:
    """Nothing to care for; see `storage.upkeep_ports.DatabaseCare`."""

    async def size(self) -> int:
        """Return 0: no disk is used."""
        return 0

    async def sizes(self) -> dict[str, int]:
        """Return no table."""
        return {}

    async def reclaimable(self) -> int:
        """Return 0."""
        return 0

    async def tidy(self, *, quiet: bool) -> list[str]:
        """Do nothing."""
        del quiet
        return []
