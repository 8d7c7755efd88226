"""The ports to a journal and to the pages that are owed to it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from pipeline.domain.journal import (
    JournalCheck,
    JournalEntry,
    JournalStanding,
    JournalTick,
    PageState,
    QueuedEntry,
)

Keep = Callable[[PageState], Awaitable[None]]
"""Keeps how far a page is; called after every step."""


class Journal(Protocol):
    """A place for pages that people read and tick, like Notion."""

    async def check(self, *, make_in: str = "") -> JournalCheck:
        """Tell whether it can be written; with `make_in`, make the database in that page first."""
        ...

    async def put(
        self,
        entry: JournalEntry,
        files: Mapping[str, bytes],
        state: PageState,
        now: datetime,
        keep: Keep,
    ) -> PageState:
        """Write or rewrite the page of `entry.key`, going on from `state`; there is one at most.

        Raises
        ------
        JournalDownError
            It doesn't answer, or asks to wait (`facts["after"]`, seconds); go on later from the
            last kept state.
        JournalRefusedError
            A wrong token, no right to the page, a database that lost its columns.
        """
        ...

    async def ticks(self, since: datetime | None) -> list[JournalTick]:
        """Return what people ticked or wrote on pages edited since then, oldest first."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class JournalQueue(Protocol):
    """Pages owed to the journal: leased one by one, lost by nobody, given up by a person only."""

    async def owe(self, entry: JournalEntry, now: datetime) -> bool:
        """Owe a page; one with the same key is replaced and owed again. False: nothing changed.

        What is replaced under a lease stays leased: two never write one page. An entry that was
        given up is owed again even if it is the same.
        """
        ...

    async def claim(
        self, now: datetime, *, lease: timedelta, limit: int = 1, key: str = ""
    ) -> list[QueuedEntry]:
        """Lease what is due, oldest first; with `key` that page alone, due or not."""
        ...

    async def note(
        self, queued: QueuedEntry, state: PageState, now: datetime, *, lease: timedelta
    ) -> bool:
        """Keep how far a page is, and prolong its lease; False: the lease is lost, write no more.

        The entry may have been replaced meanwhile: how far the page is holds all the same.
        """
        ...

    async def done(self, queued: QueuedEntry, state: PageState, now: datetime) -> bool:
        """Mark a page written; False if it was owed anew meanwhile and stays owed."""
        ...

    async def retry(self, queued: QueuedEntry, at: datetime, error: str) -> None:
        """Give it back, not before `at`; attempts + 1 unless `error` is empty."""
        ...

    async def fail(self, queued: QueuedEntry, now: datetime, error: str) -> None:
        """Give up on it, with the reason; not if it was owed anew meanwhile."""
        ...

    async def revive(self, now: datetime) -> int:
        """Owe all that was given up again; return how many pages that were."""
        ...

    async def page_of(self, key: str) -> PageState | None:
        """Return the page of a run or signal, or None where none is known to be there."""
        ...

    async def pending(self) -> int:
        """Return how many are owed."""
        ...

    async def standing(self, limit: int = 5) -> JournalStanding:
        """Return the counts, and the newest `limit` troubles."""
        ...
