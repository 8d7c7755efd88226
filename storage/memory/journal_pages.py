"""MemoryJournal: a journal's pages in memory, for tests and for trying things."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pipeline.domain.journal import JournalCheck, JournalEntry, JournalTick, PageState
from storage.journal_ports import Keep


@dataclass
class MemoryPage:
    """A page as it stands, with the two columns that people own."""

    entry: JournalEntry
    edited_at: datetime
    taken: Literal["taken", "skipped"] | None = None
    note: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


class MemoryJournal:
    """Pages by key; see `storage.journal_ports.Journal`.

    `refuses`: what `put` and `ticks` raise, None: nothing.
    """

    def __init__(self) -> None:
        self.pages: dict[str, MemoryPage] = {}
        self.refuses: Exception | None = None

    async def check(self, *, make_in: str = "") -> JournalCheck:
        """Tell that it can be written: nothing is ever missing."""
        made = ("the database",) if make_in else ()
        return JournalCheck(ready=True, database_id="memory", made=made)

    async def put(
        self,
        entry: JournalEntry,
        files: Mapping[str, bytes],
        state: PageState,
        now: datetime,
        keep: Keep,
    ) -> PageState:
        """Write or rewrite the page of `entry.key`."""
        self._check()
        page = self.pages.get(entry.key)
        if page is None:
            taken = entry.properties.get("Taken")
            page = self.pages[entry.key] = MemoryPage(entry, now)
            if taken in ("taken", "skipped"):
                page.taken = "taken" if taken == "taken" else "skipped"
        state = state.model_copy(update={"page_id": entry.key, "url": f"memory://{entry.key}"})
        await keep(state)
        page.entry, page.edited_at, page.files = entry, now, dict(files)
        state = state.model_copy(update={"blocks_done": len(entry.paragraphs)})
        await keep(state)
        return state

    async def ticks(self, since: datetime | None) -> list[JournalTick]:
        """Return what stands in people's columns of pages edited since then, oldest first."""
        self._check()
        pages = sorted(self.pages.values(), key=lambda page: page.edited_at)
        return [
            JournalTick(
                kind=page.entry.kind, key=page.entry.key, taken=page.taken, note=page.note,
                edited_at=page.edited_at,
            )
            for page in pages
            if since is None or page.edited_at >= since
        ]  # fmt: skip

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _check(self) -> None:
        if self.refuses is not None:
            raise self.refuses
