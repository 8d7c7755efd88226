"""What is said of the journal: set up, checked, standing, tried again."""

from datetime import timedelta

import pytest

from flows.journal_desk import (
    check_journal,
    check_lines,
    page_of,
    retry_pages,
    standing,
    standing_lines,
)
from flows.journal_keeper import owe_pages
from flows.journal_writing import LEASE
from pipeline.domain.errors import NotAllowedError, RequestError
from pipeline.domain.journal import EntryKind, JournalEntry
from pipeline.domain.request import Actor, Channel
from tests.kit.journal import with_journal
from tests.kit.plain_services import plain_services

OWNER, VIEWER = (Actor(channel=Channel.TELEGRAM, user_id=n, name="Ann") for n in (9, 8))


@pytest.fixture
async def plain(tmp_path):
    async with plain_services(tmp_path, owner_ids=(9,), notion_database="d" * 32) as given:
        yield given


async def given_up(services, key="bt_1"):
    entry = JournalEntry(kind=EntryKind.RUN, key=key, title="t", properties={})
    await services.journal_queue.owe(entry, services.clock())
    [queued] = await services.journal_queue.claim(services.clock(), lease=LEASE)
    await services.journal_queue.fail(queued, services.clock(), "Notion refuses the token.")


async def test_without_a_token_it_says_how_to_get_one(plain):
    assert "NOTION_TOKEN" in (await standing(plain)).why
    with pytest.raises(RequestError, match="three steps"):
        await check_journal(plain)


async def test_a_process_without_the_token_knows_that_another_keeps_it(plain):
    async with with_journal(plain) as (services, _):
        await owe_pages(services, services.clock())
        assert not (await standing(plain)).why
        plain.clock.now += timedelta(minutes=11)
        assert (await standing(plain)).why


async def test_a_check_tells_each_step_and_owes_again_what_was_given_up(plain):
    async with with_journal(plain) as (services, notion):
        await given_up(services)
        [database] = notion.databases
        lines = list(check_lines(await check_journal(services), database))
        assert lines[:5] == [
            "✓ the token is valid", "✓ it has all columns", "✓ it can read", "✓ it can write", "✓ it can upload",
        ]  # fmt: skip
        assert lines[-1] == "1 pages that were given up are owed again."
        assert await services.journal_queue.pending() == 1


async def test_setting_up_says_what_to_set_and_only_then_all_is_well(plain):
    async with with_journal(plain) as (services, notion):
        [page] = [p for p in notion.pages.values() if p["parent"]["type"] == "workspace"]
        lines = list(check_lines(await check_journal(services, make_in=page["id"]), None))
        [database] = notion.databases
        assert lines[-1].startswith(f"Now set NOTION_DATABASE={database.replace('-', '')}")
        notion.rename_column("Symbol", "Market")
        lines = list(check_lines(await check_journal(services), database))
        assert [line for line in lines if line.startswith("✗")] == [
            "✗ column 'Symbol' is missing: scout notion setup PAGE adds it"
        ]


async def test_how_it_stands_and_who_may_try_again(plain):
    async with with_journal(plain) as (services, _):
        await given_up(services)
        found = await standing(services)
        assert list(standing_lines(found)) == [
            "0 written, 0 owed, 1 given up.", "bt_1 (given up): Notion refuses the token.",
        ]  # fmt: skip
        assert found.url == "https://www.notion.so/" + "d" * 32
        assert await page_of("bt_1", services) is None
        with pytest.raises(NotAllowedError):
            await retry_pages(VIEWER, services)
        assert await retry_pages(OWNER, services) == 1
        assert await retry_pages(OWNER, services) == 0
        trail = [(e.action, e.verdict) for e in await services.audit.newest()]
        assert trail == [("journal_retry", "accepted")] * 2 + [("journal_retry", "refused")]
