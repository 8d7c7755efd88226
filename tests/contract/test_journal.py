"""A journal by its port: one page for each key, steps kept, people's columns theirs, ticks back."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from pipeline.domain.journal import EntryKind, JournalEntry, PageState
from storage.memory import MemoryJournal
from tests.kit.journal import Pause, journal_in
from tests.kit.live_signals import CLOSE
from tests.kit.notion import running_notion

PNG = {"a/one.png": b"\x89PNG one"}


class Wall:
    def __init__(self):
        self.now = CLOSE

    def __call__(self):
        return self.now


@asynccontextmanager
async def in_memory(wall):
    journal = MemoryJournal()

    def tick(state, taken, note):
        page = journal.pages[state.page_id]
        page.taken, page.note, page.edited_at = taken, note, wall()

    yield journal, tick, lambda: len(journal.pages)


@asynccontextmanager
async def in_notion(wall):
    pause = Pause()
    async with running_notion(now=wall, monotonic=pause) as notion:
        journal = journal_in(notion, pause)
        assert (await journal.check(make_in=notion.add_page("Trading"))).ready
        yield (
            journal,
            lambda state, taken, note: notion.tick(state.page_id, taken=taken, note=note),
            lambda: len(notion.entries()),
        )
        await journal.close()


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture(params=[in_memory, in_notion])
async def place(request, wall):
    async with request.param(wall) as found:
        yield found


def entry(key="sig_live_001", **more):
    given = {"kind": EntryKind.SIGNAL, "key": key, "title": "t", "properties": {"Taken": "taken", "R": None},
             "paragraphs": ("one", "two"), "pictures": tuple(PNG)}  # fmt: skip
    return JournalEntry(**(given | more))


async def put(journal, wall, page=None, state=None):
    kept = []

    async def keep(state):
        kept.append(state)

    end = await journal.put(page or entry(), PNG, state or PageState(), wall(), keep)
    assert kept[-1] == end
    assert kept[0].page_id == end.page_id
    return end


async def test_one_page_for_each_key_with_or_without_the_state(place, wall):
    journal, _, pages = place
    first = await put(journal, wall)
    assert first.url and first.blocks_done
    again = await put(journal, wall, entry(title="Other"), first)
    lost = await put(journal, wall, entry(title="Third"))
    assert {first.page_id, again.page_id, lost.page_id} == {first.page_id}
    other = await put(journal, wall, entry("sig_live_002"))
    assert other.page_id != first.page_id
    assert pages() == 2


async def test_ticks_come_back_and_stay_when_the_page_is_written_again(place, wall):
    journal, tick, _ = place
    state = await put(journal, wall)
    wall.now += timedelta(hours=1)
    other = await put(journal, wall, entry("sig_live_002"))
    assert [(t.key, t.taken, t.note) for t in await journal.ticks(None)] == [
        ("sig_live_001", "taken", ""), ("sig_live_002", "taken", ""),
    ]  # fmt: skip
    assert [t.key for t in await journal.ticks(wall())] == ["sig_live_002"]
    wall.now += timedelta(hours=1)
    tick(state, "skipped", "slept")
    [news] = await journal.ticks(wall())
    assert (news.kind, news.key, news.taken, news.note) == (
        EntryKind.SIGNAL,
        "sig_live_001",
        "skipped",
        "slept",
    )
    assert news.edited_at == wall()
    wall.now += timedelta(hours=1)
    await put(journal, wall, entry(title="Ended", properties={"Taken": "taken", "R": 2.0}), state)
    [news] = await journal.ticks(wall())
    assert (news.taken, news.note) == ("skipped", "slept")
    assert other.page_id != state.page_id
