"""The journal in Notion: one page for each key, whatever fails on the way; limits, columns, ticks."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import JournalDownError, JournalRefusedError
from pipeline.domain.journal import EntryKind, JournalEntry, PageState
from storage.notion import NotionJournal
from storage.notion_calls import NotionCalls
from storage.notion_shapes import COLUMNS
from tests.kit.notion import running_notion

NOW = datetime(2025, 10, 31, 10, 0, 30, tzinfo=UTC)
PNG = {"annotated/a.png": b"\x89PNG one", "annotated/b.png": b"\x89PNG two"}


class Killed(BaseException):
    """The writer dies here."""


class Clock:
    """Time that passes by sleeping only: for the fake's rate limit and the adapter's pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return NOW + timedelta(seconds=self.now)


@pytest.fixture
async def clock():
    return Clock()


@pytest.fixture
async def notion(clock):
    async with running_notion(now=clock.wall, monotonic=clock) as running:
        yield running


@pytest.fixture
async def journal(notion, clock):
    made = await connected(notion, clock)
    yield made
    await made.close()


async def connected(notion, clock) -> NotionJournal:
    """A journal whose database is made."""
    journal = NotionJournal(calls_to(notion, clock))
    found = await journal.check(make_in=notion.add_page("Trading"))
    assert found.ready, found
    clock.now += 60  # the next test's requests begin with a full allowance
    notion.requests.clear()
    return journal


def calls_to(notion, clock, **more) -> NotionCalls:
    return NotionCalls(
        more.pop("token", notion.token), notion.url, sleep=clock.sleep, monotonic=clock, **more
    )


def entry(**more) -> JournalEntry:
    given = {
        "kind": EntryKind.RUN, "key": "bt_1", "title": "IB raid on GER40",
        "properties": {"Setup": "IB_raid_v1", "Trades": 234, "Win rate": 0.61, "R": None, "Synthetic": True,
                       "Date": NOW, "Taken": "taken", "Note": "", "Profit factor": float("inf")},
        "paragraphs": ("First.", "Second."), "pictures": tuple(PNG), "table": (("Figure", "Value"), ("Trades", "234")),
        "link": "https://t.me/c/1/2",
    }  # fmt: skip
    return JournalEntry(**(given | more))


async def put(journal, page=None, state=None, *, die_after=None, now=NOW, files=PNG):
    """Put an entry; every state that was kept, and die at the given keep."""
    kept = [state or PageState()]

    async def keep(state: PageState) -> None:
        if die_after is not None and len(kept) > die_after:
            raise Killed
        kept.append(state)

    try:
        end = await journal.put(page or entry(), files, kept[-1], now, keep)
    except Killed:
        return kept[-1], False
    return end, True


async def test_a_page_as_it_should_stand(journal, notion):
    state, _ = await put(journal)
    [page] = notion.entries()
    assert (state.page_id, state.url) == (page["id"], page["url"])
    assert notion.plain(page, "run_id") == "bt_1"
    assert notion.plain(page, "Name") == "IB raid on GER40"
    assert notion.plain(page, "Trades") == 234
    assert notion.plain(page, "R") is None
    assert notion.plain(page, "Profit factor") is None
    assert notion.plain(page, "Taken") == "taken"
    assert notion.plain(page, "Date") == {"start": "2025-10-31T10:00:30Z"} or notion.plain(
        page, "Date"
    )["start"].startswith("2025-10-31T10:00:30")
    assert [b["type"] for b in notion.on(page["id"])] == [
        "paragraph",
        "paragraph",
        "image",
        "image",
        "table",
        "paragraph",
    ]
    assert all(u["expiry_time"] is None for u in notion.uploads.values())
    assert notion.throttled == 0


async def test_twice_the_same_key_is_one_page_and_people_keep_their_columns(journal, notion):
    state, _ = await put(journal)
    notion.tick(state.page_id, taken="skipped", note="late")
    changed = entry(paragraphs=("Other.",), pictures=())
    await put(journal, changed, state)
    [page] = notion.entries()
    assert notion.texts(page["id"]) == ["Other.", "Back to the chat: bt_1"]
    assert notion.plain(page, "Taken") == "skipped"
    assert notion.plain(page, "Note") == "late"
    again, _ = await put(journal, changed, PageState())  # who lost the state finds the page
    assert again.page_id == page["id"]
    assert len(notion.entries()) == 1
    assert notion.texts(page["id"]) == ["Other.", "Back to the chat: bt_1"]


async def test_what_a_person_wrote_on_the_page_stays(journal, notion):
    state, _ = await put(journal, entry(pictures=()))
    notion.write_on(state.page_id, "My own words.")
    await put(journal, entry(paragraphs=("Anew.",), pictures=(), table=()), state)
    assert notion.texts(state.page_id) == ["My own words.", "Anew.", "Back to the chat: bt_1"]


async def test_a_page_in_the_trash_is_made_anew(journal, notion):
    state, _ = await put(journal)
    notion.trash(state.page_id)
    again, _ = await put(journal, entry(title="Other"), state)
    [page] = notion.entries()
    assert again.page_id == page["id"] != state.page_id
    assert len(notion.on(page["id"])) == 6


async def test_long_pages_keep_to_the_limits(journal, notion):
    rows = (("n", "r"), *((str(n), "x" * 30) for n in range(950)))
    long = entry(paragraphs=("😀" * 5000, *(f"line {n}" for n in range(230))), table=rows, link="")
    state, _ = await put(journal, long)
    texts = notion.texts(state.page_id)
    assert texts[0] == "😀" * 5000
    assert texts[1:231] == [f"line {n}" for n in range(230)]
    tables = [b["table"]["_rows"] for b in notion.on(state.page_id) if b["type"] == "table"]
    assert sum(len(t) - 1 for t in tables) == 950
    assert state.blocks_done == len(notion.on(state.page_id))


KINDS = ("429", "529", "500", "502", "503", "504", "409", "drop_before", "drop_after")
CALLS = (
    ("POST", "query"),
    ("POST", "^pages"),
    ("POST", "uploads$"),
    ("POST", "send"),
    ("PATCH", "children"),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_each_failure_of_each_call_leaves_one_whole_page(
    journal, notion, kind, method, path
):
    notion.plan(kind, method, path)
    state, _ = await put(journal)
    assert not notion.faults
    assert_whole(notion, state)


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_time_out_after_the_call_was_carried_out(notion, clock, method, path):
    await (await connected(notion, clock)).close()
    journal = NotionJournal(calls_to(notion, clock, timeout=0.2), notion_database(notion))
    notion.plan("hang", method, path)
    state, _ = await put(journal)
    await journal.close()
    assert not notion.faults
    assert_whole(notion, state)


@pytest.mark.parametrize("kind", ["drop_after", "529"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "blocks"), ("PATCH", "^pages"), ("PATCH", "children")]
)
async def test_failures_while_a_page_is_rewritten(journal, notion, kind, method, path):
    state, _ = await put(journal, entry(title="Before"))
    notion.plan(kind, method, path)
    state, _ = await put(journal, entry(), state)
    assert not notion.faults
    assert_whole(notion, state)


def assert_whole(notion, state: PageState) -> None:
    [page] = notion.entries()
    assert page["id"] == state.page_id
    assert [b["type"] for b in notion.on(page["id"])] == [
        "paragraph",
        "paragraph",
        "image",
        "image",
        "table",
        "paragraph",
    ]
    images = [
        b["image"]["file_upload"]["id"] for b in notion.on(page["id"]) if b["type"] == "image"
    ]
    assert [bytes.fromhex(notion.uploads[i]["content"]) for i in images] == list(PNG.values())


async def test_killed_at_every_step_it_goes_on(notion, clock):
    """Writers die at each keep, that is after the call before it; the next one has the last state."""
    for dies in range(12):
        journal = await connected(notion, clock)
        for page in notion.entries():
            notion.trash(page["id"])
        state, ended = await put(journal, die_after=dies)
        await journal.close()
        fresh = NotionJournal(calls_to(notion, clock), notion_database(notion))
        state, _ = await put(fresh, state=state)
        await fresh.close()
        assert_whole(notion, state)
        if ended:
            assert dies >= 4
            return
    raise AssertionError("it never ended")


def notion_database(notion) -> str:
    return next(reversed(notion.databases))


async def test_an_index_that_lags_behind_makes_no_second_page(journal, notion):
    notion.lag = 2
    notion.plan("drop_after", "POST", "^pages")
    state, _ = await put(journal)
    assert_whole(notion, state)


async def test_uploads_older_than_an_hour_are_sent_again(journal, notion, clock):
    notion.plan("529", "PATCH", "children", times=9)
    with pytest.raises(JournalDownError):
        await put(journal)
    [page] = notion.entries()
    notion.trash(page["id"])
    notion.faults.clear()
    state, ended = await put(journal, die_after=3)  # the page is made, the pictures are sent
    assert not ended and len(state.uploads) == 2 and state.blocks_done == 0
    clock.now += 3700
    state, _ = await put(journal, state=state, now=clock.wall())
    assert_whole(notion, state)


async def test_waiting_long_is_given_back_with_the_time(journal, notion):
    notion.plan("429", "POST", "query", retry_after=300)
    with pytest.raises(JournalDownError) as caught:
        await put(journal)
    assert caught.value.facts["after"] == 300


async def test_a_wrong_token_says_so_and_is_in_no_error(notion, clock, caplog):
    caplog.set_level(0)
    journal = NotionJournal(calls_to(notion, clock, token="ntn_secret_wrong"), "0" * 32)
    with pytest.raises(JournalRefusedError) as caught:
        await put(journal)
    await journal.close()
    assert "NOTION_TOKEN" in caught.value.user_text
    assert "ntn_secret" not in f"{caught.value} {caught.value.facts} {caplog.text}"


async def test_refusals_name_what_to_do(journal, notion):
    notion.rename_column("Setup", "Set-up")
    with pytest.raises(JournalRefusedError, match="'Setup'"):
        await put(journal)
    notion.rename_column("Set-up", "Setup")
    notion.may.discard("insert")
    with pytest.raises(JournalRefusedError, match="capabilities"):
        await put(journal)
    notion.shared.clear()
    with pytest.raises(JournalRefusedError, match="share the page"):
        await put(journal)


async def test_setting_up_twice_makes_one_database_and_adds_lost_columns(notion, clock):
    page = notion.add_page("Trading")
    journal = NotionJournal(calls_to(notion, clock))
    first = await journal.check(make_in=page)
    assert first.ready and first.made == ("the database",)
    assert first.facts["can"][-1] == "it can upload"
    [source] = notion.sources.values()
    assert {n: c["type"] for n, c in source["properties"].items()} == COLUMNS
    notion.rename_column("Outcome", "Result")
    found = await journal.check()
    assert not found.ready and "'Outcome'" in found.missing[0]
    again = await journal.check(
        make_in=f"https://www.notion.so/Trading-{page.replace('-', '')}?pvs=4"
    )
    assert again.ready and again.made == ("column Outcome",)
    assert again.database_id == first.database_id
    assert not notion.entries()  # what was written to try is thrown away
    await journal.close()


@pytest.mark.parametrize(
    ("lacks", "words"),
    [("insert", "capabilities"), ("share", "share the page"), ("page", "no page of Notion's")],
)
async def test_setting_up_says_what_is_missing(notion, clock, lacks, words):
    page = notion.add_page("Trading", shared=lacks != "share")
    notion.may.discard(lacks)
    journal = NotionJournal(calls_to(notion, clock))
    found = await journal.check(make_in="my page" if lacks == "page" else page)
    await journal.close()
    assert not found.ready
    assert words in found.missing[0]
    assert found.facts["can"] == ["the token is valid"]


async def test_ticks_come_back_by_the_minute_in_parts(journal, notion, clock):
    states = [
        (await put(journal, entry(key=f"bt_{n}", pictures=(), table=())))[0] for n in range(3)
    ]
    signal = entry(
        kind=EntryKind.SIGNAL, key="sig_live_001", pictures=(), properties={"run_id": "live_1"}
    )
    state, _ = await put(journal, signal)
    clock.now += 3600
    notion.tick(state.page_id, taken="skipped", note="<b>no</b> /backtest")
    [tick] = await journal.ticks(clock.wall())
    assert (tick.kind, tick.key, tick.taken, tick.note) == (
        EntryKind.SIGNAL,
        "sig_live_001",
        "skipped",
        "<b>no</b> /backtest",
    )
    assert tick.edited_at.second == 0 and tick.edited_at <= clock.wall()
    assert len(await journal.ticks(None)) == 4
    assert {t.taken for t in await journal.ticks(None)} == {"taken", "skipped"}
    notion.tick(states[0].page_id, taken="maybe later")
    found = {t.key: t.taken for t in await journal.ticks(clock.wall() - timedelta(minutes=1))}
    assert found == {"sig_live_001": "skipped", "bt_0": None}


async def test_more_pages_than_one_answer_carries(journal, notion, clock):
    await put(journal, entry(pictures=(), table=()))
    [page] = notion.entries()
    for n in range(149):
        copied = {**page, "id": f"{n:032x}"}
        notion.pages[copied["id"]] = copied
    assert len(await journal.ticks(None)) == 150


async def test_the_pace_and_the_requests_of_a_page(journal, notion, clock):
    begun = clock.now
    for n in range(6):
        await put(journal, entry(key=f"bt_{n}"))
    requests = len(notion.requests) - 2  # whose database and who we are, asked once
    assert requests == 6 * 7  # query, page, two for each picture, blocks
    assert notion.throttled == 0
    assert clock.now - begun == pytest.approx((requests + 1) * 0.4, abs=0.5)
