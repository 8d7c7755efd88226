"""The journal's queue in memory, by the same rules as in the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.domain.journal import (
    JournalEntry,
    JournalStanding,
    JournalTrouble,
    PageState,
    QueuedEntry,
)


@dataclass
class _Row:
    id: int
    entry: JournalEntry
    due_at: datetime
    created_at: datetime
    page: PageState = field(default_factory=PageState)
    revision: int = 1
    state: str = "owed"
    attempts: int = 0
    leases: int = 0
    lease_until: datetime | None = None
    error: str = ""


class MemoryJournalQueue:
    """Pages owed to the journal; see `storage.journal_ports.JournalQueue`."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}

    async def owe(self, entry: JournalEntry, now: datetime) -> bool:
        """Owe a page; False if the same is owed or written already."""
        entry = JournalEntry.model_validate_json(entry.model_dump_json())
        row = self._rows.get(entry.key)
        if row is None:
            self._rows[entry.key] = _Row(len(self._rows) + 1, entry, now, now)
            return True
        if row.state != "failed" and row.entry == entry:
            return False
        row.entry, row.revision, row.due_at = entry, row.revision + 1, now
        row.state, row.attempts, row.error = "owed", 0, ""
        return True

    async def claim(
        self, now: datetime, *, lease: timedelta, limit: int = 1, key: str = ""
    ) -> list[QueuedEntry]:
        """Lease what is due, oldest first."""
        due = [
            row for row in self._owed()
            if (row.lease_until is None or row.lease_until <= now)
            and (row.entry.key == key if key else row.due_at <= now)
        ]  # fmt: skip
        taken = sorted(due, key=lambda row: (row.due_at, row.id))[:limit]
        for row in taken:
            row.leases, row.lease_until = row.leases + 1, now + lease
        return [_queued(row) for row in sorted(taken, key=lambda row: row.id)]

    async def note(
        self, queued: QueuedEntry, state: PageState, now: datetime, *, lease: timedelta
    ) -> bool:
        """Keep how far a page is, and prolong its lease; False: the lease is lost."""
        row = self._leased(queued)
        if row is None:
            return False
        row.page, row.lease_until = state, now + lease
        return True

    async def done(self, queued: QueuedEntry, state: PageState, now: datetime) -> bool:
        """Mark a page written; False if it was owed anew meanwhile and stays owed."""
        del now
        row = self._leased(queued)
        if row is None:
            return False
        row.page, row.lease_until, row.error = state, None, ""
        if row.revision != queued.revision:
            return False
        row.state, row.attempts = "done", 0
        return True

    async def retry(self, queued: QueuedEntry, at: datetime, error: str) -> None:
        """Give it back, not before `at`; what was owed anew meanwhile is due at once."""
        change = {"attempts": queued.attempts + int(bool(error)), "due_at": at, "error": error}
        self._free(queued, change)

    async def fail(self, queued: QueuedEntry, now: datetime, error: str) -> None:
        """Give up on it, with the reason; not if it was owed anew meanwhile."""
        del now
        self._free(queued, {"state": "failed", "error": error})

    async def revive(self, now: datetime) -> int:
        """Owe all that was given up again."""
        failed = [row for row in self._rows.values() if row.state == "failed"]
        for row in failed:
            row.state, row.attempts, row.due_at, row.error = "owed", 0, now, ""
            row.lease_until = None
        return len(failed)

    async def page_of(self, key: str) -> PageState | None:
        """Return the page of a run or signal, or None where none is known to be there."""
        row = self._rows.get(key)
        return row.page if row is not None and row.page.page_id else None

    async def pending(self) -> int:
        """Return how many are owed."""
        return sum(1 for _ in self._owed())

    async def standing(self, limit: int = 5) -> JournalStanding:
        """Return the counts, and the newest troubles."""
        rows = list(self._rows.values())
        troubled = sorted((row for row in rows if row.error), key=lambda row: -row.id)[:limit]
        return JournalStanding(
            written=sum(row.state == "done" for row in rows),
            owed=sum(row.state == "owed" for row in rows),
            given_up=sum(row.state == "failed" for row in rows),
            oldest_owed=min((row.created_at for row in self._owed()), default=None),
            troubles=tuple(
                JournalTrouble(
                    key=row.entry.key, error=row.error, given_up=row.state == "failed",
                    due_at=row.due_at,
                )
                for row in troubled
            ),
        )  # fmt: skip

    def _owed(self) -> Iterator[_Row]:
        return (row for row in self._rows.values() if row.state == "owed")

    def _leased(self, queued: QueuedEntry) -> _Row | None:
        row = self._rows.get(queued.entry.key)
        ours = row is not None and row.lease_until is not None and row.leases == queued.lease
        return row if ours else None

    def _free(self, queued: QueuedEntry, change: dict[str, Any]) -> None:
        row = self._leased(queued)
        if row is None:
            return
        row.lease_until = None
        if row.revision == queued.revision:
            for name, value in change.items():
                setattr(row, name, value)


def _queued(row: _Row) -> QueuedEntry:
    return QueuedEntry(
        id=row.id, entry=row.entry, state=row.page, attempts=row.attempts, revision=row.revision,
        lease=row.leases, created_at=row.created_at,
    )  # fmt: skip
