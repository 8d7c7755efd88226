"""NotionJournal: the journal as a database in Notion, a page for each run and answered signal."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.domain.errors import JournalRefusedError
from pipeline.domain.journal import JournalCheck, JournalEntry, JournalTick, PageState
from storage import notion_shapes as shapes
from storage.journal_ports import Keep
from storage.notion_calls import NotionCalls
from storage.notion_pages import PageWriter
from storage.notion_setup import check_notion

OVERLAP: Final = timedelta(minutes=2)
"""Edits are known to the minute, so this much is read again: what it says is said twice."""


class NotionJournal:
    """A database of Notion's; see `storage.journal_ports.Journal`.

    Parameters
    ----------
    database
        Its id or link; "" as long as none was made.
    """

    def __init__(self, calls: NotionCalls, database: str = "") -> None:
        self._calls = calls
        self._database = database
        self._source = ""
        self._me = ""

    async def check(self, *, make_in: str = "") -> JournalCheck:
        """Tell whether it can be written; with `make_in`, make the database there first."""
        found = await check_notion(self._calls, self._database, make_in)
        if make_in and found.database_id:
            self._database, self._source = found.database_id, ""
        return found

    async def put(
        self,
        entry: JournalEntry,
        files: Mapping[str, bytes],
        state: PageState,
        now: datetime,
        keep: Keep,
    ) -> PageState:
        """Write or rewrite the page of `entry.key`, going on from `state`."""
        writer = PageWriter(self._calls, await self._where(), await self._who())
        return await writer.put(entry, files, state, now, keep)

    async def ticks(self, since: datetime | None) -> list[JournalTick]:
        """Return what stands in people's columns of pages edited since then, oldest first."""
        source = await self._where()
        query = {} if since is None else {"filter": _edited_since(since - OVERLAP)}
        pages = self._calls.all_of(
            lambda api, cursor: api.data_sources.query(
                source, page_size=100,
                sorts=[{"timestamp": "last_edited_time", "direction": "ascending"}],
                **query, **cursor,
            )
        )  # fmt: skip
        found = [shapes.tick_of(page) async for page in pages]
        return [tick for tick in found if tick is not None]

    async def close(self) -> None:
        """Let go of connections."""
        await self._calls.close()

    async def _where(self) -> str:
        """Return the data source of the database, looked up once."""
        if not self._source:
            number = shapes.id_in(self._database)
            if not number:
                raise JournalRefusedError(
                    "No journal's database is set: scout notion setup PAGE makes one; put its id"
                    " into NOTION_DATABASE."
                )
            found = await self._calls.safe(lambda api: api.databases.retrieve(number))
            self._source = shapes.source_of(found)
        return self._source

    async def _who(self) -> str:
        """Return the integration's own user id, looked up once."""
        if not self._me:
            self._me = str((await self._calls.safe(lambda api: api.users.me()))["id"])
        return self._me


def _edited_since(since: datetime) -> shapes.Json:
    moment = since.astimezone(UTC).isoformat()
    return {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": moment}}
