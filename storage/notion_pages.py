"""Writing one page of Notion step by step, so that whoever goes on doubles and loses nothing.

1. Find the page by its key, or make it. A making of unknown outcome is looked up, for a while,
   before it is tried again.
2. A page that was there gets its properties anew, except those that people own, and what we wrote
   on it is taken away. What a person wrote or changed there stays.
3. Blocks follow in hundreds, a hundred's pictures just before it. Where an append's outcome is not
   known (a time-out, a writer that died), our blocks on the page are counted.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from pipeline.domain.errors import JournalDownError, JournalRefusedError
from pipeline.domain.journal import JournalEntry, PageState
from storage import notion_shapes as shapes
from storage.journal_ports import Keep
from storage.notion_calls import GoneError, Json, NotionCalls, UnsureError

log = structlog.get_logger(__name__)
UPLOADS_HOLD: Final = timedelta(minutes=50)
LOOKS: Final = (0.0, 1.0, 3.0)
"""Seconds between looks for a page that may have been made: an index may lag behind."""
ROUNDS: Final = 3


class PageWriter:
    """Writes pages into one data source.

    Parameters
    ----------
    me
        The integration's own user id, by which its blocks are told from people's.
    """

    def __init__(self, calls: NotionCalls, source: str, me: str) -> None:
        self._calls = calls
        self._source = source
        self._me = me

    async def put(
        self,
        entry: JournalEntry,
        files: Mapping[str, bytes],
        state: PageState,
        now: datetime,
        keep: Keep,
    ) -> PageState:
        """See `storage.journal_ports.Journal.put`."""
        try:
            return await self._put(entry, files, state, now, keep)
        except GoneError:
            if not state.page_id:
                raise
        # A person threw the page away, and it is wanted again: once more, from the beginning.
        state = PageState()
        await keep(state)
        return await self._put(entry, files, state, now, keep)

    async def _put(
        self,
        entry: JournalEntry,
        files: Mapping[str, bytes],
        state: PageState,
        now: datetime,
        keep: Keep,
    ) -> PageState:
        digest = shapes.digest_of(entry)
        going_on = state.sha256 == digest and state.cleared
        if state.sha256 != digest:
            state = PageState(page_id=state.page_id, url=state.url, sha256=digest)
        state = await self._ready(entry, state, keep)
        blocks = shapes.blocks_of(entry, [path for path in entry.pictures if path in files])
        if going_on and state.blocks_done < len(blocks):
            state = await self._counted(blocks, state, keep)
        stalled = 0
        while (done := state.blocks_done) < len(blocks):
            chunk = shapes.next_chunk(blocks[done:])
            state = await self._uploaded(chunk, files, state, now, keep)
            state = await self._appended(chunk, blocks, state, keep)
            stalled = 0 if state.blocks_done > done else stalled + 1
            if stalled == ROUNDS:
                raise JournalDownError("Notion doesn't take what the page says.", after=30.0)
            await self._calls.rest(float(stalled))
        return state

    async def find(self, entry: JournalEntry) -> Json | None:
        """Return the entry's page, the oldest if people copied it; None: there is none."""
        answer = await self._calls.safe(
            lambda api: api.data_sources.query(
                self._source, filter=shapes.key_filter(entry.kind, entry.key), page_size=10,
                sorts=[{"timestamp": "created_time", "direction": "ascending"}],
            )
        )  # fmt: skip
        found = [page for page in answer["results"] if not page.get("in_trash")]
        if len(found) > 1:
            log.warning("journal_pages_alike", key=entry.key, pages=len(found))
        return found[0] if found else None

    async def _ready(self, entry: JournalEntry, state: PageState, keep: Keep) -> PageState:
        """Return the state of a page that is there, with its properties, free of what was ours."""
        if not state.page_id:
            state = await self._found_or_made(entry, state)
            await keep(state)
        if not state.cleared:
            await self._rewritten(entry, state.page_id)
            state = state.model_copy(update={"cleared": True, "blocks_done": 0})
            await keep(state)
        return state

    async def _found_or_made(self, entry: JournalEntry, state: PageState) -> PageState:
        found = await self.find(entry)
        if found is not None:
            return _at(state, found)
        properties = shapes.properties_of(entry, fresh=True)
        parent = {"type": "data_source_id", "data_source_id": self._source}
        for _ in range(ROUNDS):
            try:
                made = await self._calls.once(
                    lambda api: api.pages.create(parent=parent, properties=properties)
                )
            except UnsureError:
                made_before = await self._looked_for(entry)
                if made_before is not None:
                    return _at(state, made_before).model_copy(update={"cleared": True})
                continue
            return _at(state, made).model_copy(update={"cleared": True})
        raise JournalDownError("Notion doesn't say whether it made the page.", after=30.0)

    async def _looked_for(self, entry: JournalEntry) -> Json | None:
        for pause in LOOKS:
            await self._calls.rest(pause)
            found = await self.find(entry)
            if found is not None:
                return found
        return None

    async def _rewritten(self, entry: JournalEntry, page_id: str) -> None:
        """Give the page its properties, and take away what we wrote on it."""
        blocks = await self._blocks(page_id)
        ours = [block for block in blocks if self._is_ours(block)]
        erase = {"erase_content": True} if ours and len(ours) == len(blocks) else {}
        properties = shapes.properties_of(entry, fresh=False)
        page = await self._calls.safe(
            lambda api: api.pages.update(page_id, properties=properties, **erase)
        )
        if page.get("in_trash"):
            raise GoneError("The page is in Notion's trash.")
        if not erase:
            await self._deleted(ours)

    async def _deleted(self, blocks: Sequence[Json]) -> None:
        for block in blocks:
            try:
                await self._calls.safe(partial(_delete, block["id"]))
            except GoneError:
                continue

    def _is_ours(self, block: Json) -> bool:
        return all(
            block.get(by, {}).get("id") == self._me for by in ("created_by", "last_edited_by")
        )

    async def _blocks(self, page_id: str) -> list[Json]:
        return [
            block async for block in self._calls.all_of(
                lambda api, cursor: api.blocks.children.list(page_id, page_size=100, **cursor)
            )
        ]  # fmt: skip

    async def _counted(self, blocks: Sequence[Json], state: PageState, keep: Keep) -> PageState:
        """Return how far the page really is; what fits nothing is taken away and begun again."""
        there = [block for block in await self._blocks(state.page_id) if self._is_ours(block)]
        done = state.blocks_done
        chunk = len(shapes.next_chunk(blocks[done:]))  # fmt: skip
        if len(there) not in (done, done + chunk):
            log.warning("journal_page_begun_again", page=state.page_id, there=len(there))
            await self._deleted(there)
            counted = 0
        else:
            counted = len(there)
        state = state.model_copy(update={"blocks_done": counted})
        await keep(state)
        return state

    async def _uploaded(
        self,
        chunk: Sequence[Json],
        files: Mapping[str, bytes],
        state: PageState,
        now: datetime,
        keep: Keep,
    ) -> PageState:
        """Send the pictures of a chunk that are not sent yet, or were sent too long ago."""
        if state.uploaded_at is not None and now - state.uploaded_at > UPLOADS_HOLD:
            state = state.model_copy(update={"uploads": {}, "uploaded_at": None})
        for path in shapes.paths_in(chunk):
            if path in state.uploads:
                continue
            upload = await self.upload(path.rsplit("/", 1)[-1], files[path])
            state = state.model_copy(update={
                "uploads": {**state.uploads, path: upload},
                "uploaded_at": state.uploaded_at or now,
            })  # fmt: skip
            await keep(state)
        return state

    async def upload(self, name: str, data: bytes) -> str:
        """Send a picture; return its upload's id. One of unknown outcome is begun anew."""
        kind = "image/png" if name.endswith(".png") else "image/jpeg"
        for _ in range(ROUNDS):
            made = await self._calls.safe(
                lambda api: api.file_uploads.create(
                    mode="single_part", filename=name, content_type=kind
                )
            )
            try:
                await self._calls.once(_sending(made["id"], (name, data, kind)))
            except UnsureError:
                await self._calls.rest(1.0)
                continue
            return str(made["id"])
        raise JournalDownError("Notion doesn't take the picture.", after=30.0)

    async def _appended(
        self, chunk: list[Json], blocks: Sequence[Json], state: PageState, keep: Keep
    ) -> PageState:
        children = shapes.with_uploads(chunk, state.uploads)
        try:
            await self._calls.once(
                lambda api: api.blocks.children.append(state.page_id, children=children)
            )
        except UnsureError:
            return await self._counted(blocks, state, keep)
        except JournalRefusedError as error:
            if not shapes.paths_in(chunk) or "upload" not in str(error.facts.get("said", "")):
                raise
            if state.uploaded_at is None:
                raise
            # The uploads did not hold: they are sent again, once, as they are gone from the state.
            state = state.model_copy(update={"uploads": {}, "uploaded_at": None})
            await keep(state)
            raise JournalDownError("Notion lost a picture.", after=0.0) from None
        state = state.model_copy(update={"blocks_done": state.blocks_done + len(chunk)})
        await keep(state)
        return state


def _at(state: PageState, page: Json) -> PageState:
    return state.model_copy(update={"page_id": str(page["id"]), "url": str(page.get("url") or "")})


def _delete(block_id: str, api: Any) -> Any:
    return api.blocks.delete(block_id)


def _sending(upload_id: str, file: tuple[str, bytes, str]) -> Callable[[Any], Any]:
    return lambda api: api.file_uploads.send(upload_id, file=file)
