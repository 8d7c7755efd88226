"""The ports to a journal and to the pages that are owed to it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from pipeline.domain.journal import JournalCheck, JournalEntry, JournalTick, PageState, QueuedEntry

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
        """Owe a page; one with the same key is replaced and owed again. False: nothing changed."""
        ...

    async def claim(self, now: datetime, *, lease: timedelta, limit: int = 1) -> list[QueuedEntry]:
        """Lease what is due, oldest first."""
        ...

    async def note(self, id: int, state: PageState, now: datetime) -> None:  # noqa: A002
        """Keep how far a page is, and prolong its lease."""
        ...

    async def done(self, queued: QueuedEntry, state: PageState, now: datetime) -> bool:
        """Mark a page written; False if it was owed anew meanwhile and stays owed."""
        ...

    async def retry(self, id: int, at: datetime, error: str) -> None:  # noqa: A002
        """Give it back, not before `at`."""
        ...

    async def fail(self, id: int, now: datetime, error: str) -> None:  # noqa: A002
        """Give up on it, with the reason."""
        ...

    async def page_of(self, key: str) -> PageState | None:
        """Return the page of a run or signal, or None."""
        ...

    async def pending(self) -> int:
        """Return how many are owed."""
        ...
