"""The ports of upkeep: what is kept for a time only, how it is found, and how it is forgotten.

Every removal is one small transaction that asks again whether a thing is still old: upkeep can
die between any two, or meet who uses a thing again, and nothing is half gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pipeline.domain.market import Timeframe


class Kind(StrEnum):
    """Rows that go by their age alone."""

    SENT = "sent deliveries"
    GIVEN_UP = "given-up deliveries"
    MEMORIES = "passing memories"
    REQUEST_KEYS = "keys of requests"
    FIRES = "times of schedules"
    COOLDOWNS = "cooldowns"
    PULSES = "pulses"
    UPDATES = "handled updates"
    ANALYSES = "answers of the analyst"
    SPENDING = "past budgets of the analyst"


PASSING = ("command:", "import:", "asked:", "setup_offer:", "launch:", "told:")
"""How the keys of memories begin that serve one question or message; all others stay."""


@dataclass(frozen=True)
class Pointers:
    """The run ids that something points to, by what points there."""

    models: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    signals: frozenset[str] = frozenset()
    deliveries: frozenset[str] = frozenset()
    request_keys: frozenset[str] = frozenset()


class RetentionStore(Protocol):
    """Rows that are kept for a time only."""

    async def pointers(self) -> Pointers:
        """Return which runs models, labels, signals, owed deliveries and keys point to."""
        ...

    async def old_runs(self, before: datetime) -> list[str]:
        """Return the runs that ended before that, oldest first."""
        ...

    async def forget_runs(self, run_ids: Sequence[str], before: datetime) -> int:
        """Forget those that are ended and still that old, with their tasks; return how many."""
        ...

    async def count(self, kind: Kind, before: datetime) -> int:
        """Return how many rows of a kind `forget` would remove in the end.

        Owed deliveries are neither sent nor given up. Of a schedule the newest time stays, and
        so do cooldowns of a run that hasn't ended.
        """
        ...

    async def forget(self, kind: Kind, before: datetime, limit: int) -> int:
        """Forget at most `limit` rows in one transaction; return how many, 0: none is left."""
        ...


@dataclass(frozen=True)
class OldFile:
    """A file of the archive that is older than asked for."""

    path: str
    size: int
    run_id: str
    role: str


@dataclass(frozen=True)
class Freed:
    """How many files went, and their bytes."""

    files: int = 0
    size: int = 0

    def __add__(self, other: "Freed") -> "Freed":
        return Freed(self.files + other.files, self.size + other.size)


@dataclass(frozen=True)
class Mismatch:
    """Where files and rows of the archive don't agree.

    Attributes
    ----------
    strays
        Files without a row, with their size: a process died between the two.
    lost
        Paths of rows without a file.
    """

    strays: dict[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


class ArchiveUpkeep(Protocol):
    """The archive as upkeep sees it: files and rows together."""

    async def old(self, before: datetime) -> list[OldFile]:
        """Return the files that were last written before that, oldest first."""
        ...

    async def forget(self, paths: Sequence[str], before: datetime) -> Freed:
        """Forget files and rows of those that are still that old, in one transaction.

        Whoever dies within it leaves the row: the file is missing then, and the next upkeep
        takes the row away. A file never outlives its row.
        """
        ...

    async def compare(self, before: datetime) -> Mismatch:
        """Hold files against rows; what was written since `before` is left out."""
        ...

    async def remove_strays(self, paths: Sequence[str], before: datetime) -> Freed:
        """Remove files that still have no row and are still that old."""
        ...


@dataclass(frozen=True)
class OldMonths:
    """Months of bars that are old, as 2024-01, oldest first, and their bytes."""

    months: tuple[str, ...] = ()
    size: int = 0


class BarUpkeep(Protocol):
    """Bars that are too old to be held."""

    async def old(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        """Return the months that ended before that; the newest month held is never old."""
        ...

    async def put_away(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        """Move those months out of the bar store, so that no crash loses them."""
        ...


class DatabaseCare(Protocol):
    """The database's own upkeep."""

    async def size(self) -> int:
        """Return how many bytes it takes on the disk."""
        ...

    async def sizes(self) -> dict[str, int]:
        """Return the bytes of each table with its indexes, largest first."""
        ...

    async def reclaimable(self) -> int:
        """Return how many bytes of it are empty and could go back to the disk."""
        ...

    async def tidy(self, *, quiet: bool) -> list[str]:
        """Renew its statistics and give empty space back; return in words what was done.

        Parameters
        ----------
        quiet
            Nobody waits for an alert now: what holds up writers for seconds may be done.
        """
        ...


@dataclass(frozen=True)
class Upkeep:
    """What upkeep needs of storage.

    `bars` is None where hosts share them. `prefect` is Prefect's database, where it is known.
    """

    rows: RetentionStore
    files: ArchiveUpkeep
    database: DatabaseCare
    bars: BarUpkeep | None = None
    prefect: DatabaseCare | None = None
