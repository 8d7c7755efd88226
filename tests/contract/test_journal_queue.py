"""Pages owed to the journal: leased one by one, lost by nobody, by one writer at a time."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.journal import EntryKind, JournalEntry, PageState

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)


@pytest.fixture
def queue(stores):
    return stores.journal_queue()


def entry(key="bt_1", **more):
    given = {"kind": EntryKind.RUN, "key": key, "title": "A run",
             "properties": {"Date": NOW, "Trades": 3, "Win rate": 0.61, "Synthetic": True, "R": None}}  # fmt: skip
    return JournalEntry(**(given | more))


def at(seconds):
    return NOW + timedelta(seconds=seconds)


async def taken(queue, seconds=0.0, **more):
    [queued] = await queue.claim(at(seconds), lease=LEASE, **more)
    return queued


async def test_owed_once_and_again_when_it_changes(queue):
    assert await queue.owe(entry(), NOW)
    assert not await queue.owe(entry(), at(1))
    assert await queue.pending() == 1
    first = await taken(queue)
    assert first.entry.properties["Trades"] == 3
    assert await queue.claim(at(1), lease=LEASE) == []
    assert await queue.done(first, PageState(page_id="p", url="u"), at(2))
    assert await queue.pending() == 0
    assert not await queue.owe(entry(), at(3))
    assert await queue.owe(entry(title="Other"), at(4))
    again = await taken(queue, 4)
    assert (again.entry.title, again.state.page_id) == ("Other", "p")
    assert (await queue.page_of("bt_1")).url == "u"
    assert await queue.page_of("bt_2") is None


async def test_what_is_replaced_under_a_lease_is_written_after_it(queue):
    await queue.owe(entry(), NOW)
    first = await taken(queue)
    assert await queue.owe(entry(title="Other"), at(1))
    assert await queue.claim(at(2), lease=LEASE) == []
    assert await queue.note(first, PageState(page_id="p"), at(3), lease=LEASE)
    assert not await queue.done(first, PageState(page_id="p", blocks_done=3), at(4))
    second = await taken(queue, 4)
    assert (second.entry.title, second.state.blocks_done) == ("Other", 3)


@pytest.mark.parametrize("how", ["retry", "fail"])
async def test_a_failure_of_the_old_entry_is_none_of_the_new_one(queue, how):
    await queue.owe(entry(), NOW)
    first = await taken(queue)
    await queue.owe(entry(title="Other"), at(1))
    if how == "retry":
        await queue.retry(first, at(900), "down")
    else:
        await queue.fail(first, at(2), "refused")
    assert (await taken(queue, 3)).entry.title == "Other"


async def test_a_lost_lease_writes_nothing(queue):
    await queue.owe(entry(), NOW)
    old = await taken(queue)
    new = await taken(queue, 61)
    assert await queue.note(new, PageState(page_id="new"), at(62), lease=LEASE)
    assert not await queue.note(old, PageState(page_id="old"), at(63), lease=LEASE)
    assert not await queue.done(old, PageState(page_id="old"), at(63))
    await queue.retry(old, at(900), "late")
    await queue.fail(old, at(64), "late")
    assert await queue.done(new, PageState(page_id="new"), at(65))
    assert (await queue.page_of("bt_1")).page_id == "new"
    assert not await queue.note(new, PageState(page_id="x"), at(66), lease=LEASE)


async def test_each_step_prolongs_the_lease(queue):
    await queue.owe(entry(), NOW)
    queued = await taken(queue)
    assert await queue.note(queued, PageState(page_id="p"), at(50), lease=LEASE)
    assert await queue.claim(at(100), lease=LEASE) == []
    assert (await taken(queue, 111)).state.page_id == "p"


async def test_retries_wait_and_count(queue):
    await queue.owe(entry(), NOW)
    await queue.retry(await taken(queue), at(30), "down")
    assert await queue.claim(at(29), lease=LEASE) == []
    second = await taken(queue, 30)
    assert second.attempts == 1
    await queue.retry(second, at(31), "")
    assert (await taken(queue, 31)).attempts == 1


async def test_one_page_alone_due_or_not(queue):
    await queue.owe(entry("bt_1"), NOW)
    await queue.owe(entry("bt_2"), at(1))
    second = await taken(queue, 2, key="bt_2")
    assert second.entry.key == "bt_2"
    await queue.retry(second, at(900), "down")
    assert (await taken(queue, 3, key="bt_2")).entry.key == "bt_2"
    assert await queue.claim(at(3), lease=LEASE, key="bt_3") == []


async def test_given_up_until_a_person_has_it_revived(queue):
    for n in range(3):
        await queue.owe(entry(f"bt_{n}"), at(n))
    await queue.fail(await taken(queue, 5), at(6), "a wrong token")
    await queue.retry(await taken(queue, 6), at(70), "busy")
    await queue.done(await taken(queue, 7), PageState(page_id="p"), at(8))
    found = await queue.standing()
    assert (found.written, found.owed, found.given_up) == (1, 1, 1)
    assert found.oldest_owed == at(1)
    assert [(t.key, t.error, t.given_up) for t in found.troubles] == [
        ("bt_1", "busy", False),
        ("bt_0", "a wrong token", True),
    ]
    assert await queue.revive(at(9)) == 1
    assert await queue.revive(at(9)) == 0
    assert (await taken(queue, 9)).entry.key == "bt_0"
    assert (await queue.standing()).given_up == 0


async def test_the_same_entry_is_owed_again_after_it_was_given_up(queue):
    await queue.owe(entry(), NOW)
    await queue.fail(await taken(queue), at(1), "refused")
    assert await queue.owe(entry(), at(2))
    assert (await taken(queue, 2)).entry.key == "bt_1"


@pytest.mark.parametrize("seed", range(2))
async def test_writers_that_crash_at_every_step(stores, seed):
    """Three writers of 40 pages with 4 steps each; entries change meanwhile. None is lost or shared."""
    rng, keys = random.Random(seed), [f"bt_{n}" for n in range(40)]
    owing, clock, crashes = stores.journal_queue(), [0.0], 0
    writing: Counter[str] = Counter()
    pages: dict[str, str] = {}
    for n, key in enumerate(keys):
        await owing.owe(entry(key), at(n / 100))

    async def write(queue) -> bool:
        nonlocal crashes
        clock[0] += 1
        for queued in await queue.claim(at(clock[0]), lease=LEASE, limit=2):
            key, state = queued.entry.key, queued.state
            for step in range(state.blocks_done % 4, 4):
                writing[key] += 1
                await asyncio.sleep(0)
                assert writing[key] == 1
                writing[key] -= 1
                if rng.random() < 0.05:
                    crashes += 1
                    clock[0] += 61  # nobody waits for it but its lease
                    return False
                state = state.model_copy(update={"page_id": key, "blocks_done": step + 1})
                if not await queue.note(queued, state, at(clock[0]), lease=LEASE):
                    break
            else:
                pages[key] = queued.entry.title
                if not await queue.done(
                    queued, state.model_copy(update={"blocks_done": 0}), at(clock[0])
                ):
                    continue
        return True

    for round_ in range(60):
        for key in rng.sample(keys, 2) if round_ < 10 else ():
            await owing.owe(entry(key, title=f"round {round_}"), at(clock[0]))
        await asyncio.gather(*(write(stores.journal_queue()) for _ in range(3)))
        if round_ > 10 and not await owing.pending():
            break
    assert await owing.pending() == 0
    assert crashes > 1
    assert set(pages) == set(keys)
