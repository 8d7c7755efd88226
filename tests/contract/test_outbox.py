"""Outbox: one suite over memory, SQLite and PostgreSQL; crashes are in test_outbox_crashes."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.report import DeliveryKind
from storage.memory import MemoryOutbox
from tests.kit.stores import Stores

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
PROGRESS, REPORT, PHOTO = DeliveryKind.PROGRESS, DeliveryKind.REPORT, DeliveryKind.PHOTO


async def owe(outbox, key, chat=1, kind=REPORT, now=NOW, **payload):
    return await outbox.put(chat, kind, payload, dedupe_key=key, now=now)


async def keys(outbox, now=NOW, limit=20):
    return [each.dedupe_key for each in await outbox.claim(now, lease=LEASE, limit=limit)]


async def test_a_delivery_goes_out_once(stores):
    put, drain = stores.outbox(), stores.outbox()
    assert await owe(put, "a", chat=-1_001_234_567_890, text="hi", n=[1, None])
    assert await put.pending() == 1
    [delivery] = await drain.claim(NOW, lease=LEASE)
    assert delivery.payload == {"text": "hi", "n": [1, None]}
    assert (delivery.chat_id, delivery.kind, delivery.created_at) == (
        -1_001_234_567_890,
        REPORT,
        NOW,
    )
    assert (delivery.attempts, delivery.message_ids) == (0, ())
    assert await keys(drain) == []
    await drain.ack(delivery.id, NOW, [7])
    assert await put.pending() == 0
    assert await keys(drain, NOW + timedelta(1)) == []


async def test_the_oldest_is_the_one_that_waits_longest_and_was_never_sent(stores):
    outbox = stores.outbox()
    assert await outbox.oldest() is None
    await owe(outbox, "p", kind=PROGRESS, n=1)
    await owe(outbox, "a", chat=2, now=NOW + 2 * SECOND)
    await owe(outbox, "b", chat=2, now=NOW + 5 * SECOND)
    assert await stores.outbox().oldest() == NOW
    p, a = await outbox.claim(NOW + 6 * SECOND, lease=LEASE)
    await owe(outbox, "p", kind=PROGRESS, n=2)
    await outbox.ack(p.id, NOW + 7 * SECOND, [1])
    assert await outbox.oldest() == NOW + 2 * SECOND  # p is owed again, but it stands there
    await outbox.retry(a.id, NOW + LEASE, "busy")
    assert await outbox.oldest() == NOW + 2 * SECOND
    [p, a] = await outbox.claim(NOW + 2 * LEASE, lease=LEASE)
    await outbox.ack(a.id, NOW + 2 * LEASE, [2])
    assert await outbox.oldest() == NOW + 5 * SECOND
    await outbox.ack(p.id, NOW + 2 * LEASE, [1])
    await owe(outbox, "p", kind=PROGRESS, n=3)
    [p, b] = await outbox.claim(NOW + 3 * LEASE, lease=LEASE)
    await outbox.fail(b.id, NOW + 3 * LEASE, "gone")
    assert await outbox.oldest() is None


async def test_a_key_is_owed_once_for_ever(stores):
    outbox = stores.outbox()
    assert await owe(outbox, "a", n=1)
    assert not await owe(outbox, "a", n=2)
    [delivery] = await outbox.claim(NOW, lease=LEASE)
    assert delivery.payload == {"n": 1}
    await outbox.ack(delivery.id, NOW, [1])
    assert not await owe(stores.outbox(), "a", n=3)
    assert not await owe(outbox, "a", kind=PROGRESS)
    assert await outbox.pending() == 0


async def test_of_concurrent_puts_of_one_key_one_is_owed(stores):
    put = await asyncio.gather(*(owe(stores.outbox(), "a", n=n) for n in range(10)))
    assert sum(put) == 1
    assert await stores.outbox().pending() == 1


async def test_one_per_chat_oldest_first(stores):
    outbox = stores.outbox()
    for key, chat in (("a1", 1), ("b1", 2), ("a2", 1), ("c1", 3), ("b2", 2)):
        await owe(outbox, key, chat)
    assert await keys(outbox, limit=2) == ["a1", "b1"]
    assert await keys(outbox) == ["c1"]
    assert await keys(outbox) == []


async def test_order_in_a_chat_holds_after_retry_and_fail(stores):
    outbox = stores.outbox()
    for key in ("a", "b", "c"):
        await owe(outbox, key)
    [a] = await outbox.claim(NOW, lease=LEASE)
    await outbox.retry(a.id, NOW + 10 * SECOND, "429")
    assert await keys(outbox, NOW + 9 * SECOND) == []
    [a] = await outbox.claim(NOW + 10 * SECOND, lease=LEASE)
    assert (a.dedupe_key, a.attempts) == ("a", 1)
    await outbox.fail(a.id, NOW, "blocked\x00")
    [b] = await outbox.claim(NOW + 11 * SECOND, lease=LEASE)
    assert b.dedupe_key == "b"
    await outbox.ack(b.id, NOW, [1])
    assert await keys(outbox) == ["c"]
    assert await outbox.pending() == 1


async def test_what_only_waits_its_turn_has_not_been_tried(stores):
    outbox = stores.outbox()
    await owe(outbox, "a")
    [a] = await outbox.claim(NOW, lease=LEASE)
    await outbox.retry(a.id, NOW + SECOND, "")
    assert await keys(outbox) == []
    [a] = await outbox.claim(NOW + SECOND, lease=LEASE)
    assert a.attempts == 0


async def test_a_lease_runs_out_and_the_late_one_disturbs_nobody(stores):
    early, late = stores.outbox(), stores.outbox()
    await owe(early, "a")
    [a] = await early.claim(NOW, lease=LEASE)
    assert await keys(late, NOW + LEASE - SECOND) == []
    after = NOW + LEASE
    [again] = await late.claim(after, lease=LEASE)
    assert again.id == a.id
    if stores.url is not None:  # instances are told apart; in memory there is one
        await early.retry(a.id, after, "late")
        await early.fail(a.id, after, "late")
        assert await keys(early, after) == []
    await late.ack(a.id, after, [5])
    await early.ack(a.id, after, [4])
    assert await late.pending() == 0


async def test_ack_twice_and_of_the_unknown_is_no_error(stores):
    outbox = stores.outbox()
    await owe(outbox, "a")
    [a] = await outbox.claim(NOW, lease=LEASE)
    for _ in range(2):
        await outbox.ack(a.id, NOW, [1])
    for number in (a.id, 999):
        await outbox.ack(number, NOW, [1])
        await outbox.retry(number, NOW, "x")
        await outbox.fail(number, NOW, "x")
    assert await outbox.pending() == 0


async def test_ack_by_another_process_counts(stores):
    await owe(stores.outbox(), "a")
    [a] = await stores.outbox().claim(NOW, lease=LEASE)
    await stores.outbox().ack(a.id, NOW, [1])
    assert await stores.outbox().pending() == 0


class TestProgress:
    async def test_only_the_newest_is_sent(self, stores):
        outbox = stores.outbox()
        for n in range(3):
            assert await owe(outbox, "p", kind=PROGRESS, n=n)
        assert await outbox.pending() == 1
        [p] = await outbox.claim(NOW, lease=LEASE)
        assert p.payload == {"n": 2}

    async def test_it_is_owed_again_with_its_message(self, stores):
        outbox = stores.outbox()
        await owe(outbox, "p", kind=PROGRESS, n=1)
        [p] = await outbox.claim(NOW, lease=LEASE)
        await outbox.ack(p.id, NOW, [42])
        assert await stores.outbox().put(1, PROGRESS, {"n": 2}, dedupe_key="p", now=NOW)
        [again] = await outbox.claim(NOW, lease=LEASE)
        assert (again.id, again.payload, again.message_ids) == (p.id, {"n": 2}, (42,))
        await outbox.ack(p.id, NOW, [])
        await owe(outbox, "p", kind=PROGRESS, n=3)
        [third] = await outbox.claim(NOW, lease=LEASE)
        assert third.message_ids == (42,)

    async def test_replaced_while_being_sent_stays_owed(self, stores):
        outbox = stores.outbox()
        await owe(outbox, "p", kind=PROGRESS, n=1)
        [p] = await outbox.claim(NOW, lease=LEASE)
        await owe(stores.outbox(), "p", kind=PROGRESS, n=2)
        assert await keys(outbox) == []  # still under its lease
        await outbox.ack(p.id, NOW, [42])
        assert await outbox.pending() == 1
        [again] = await outbox.claim(NOW, lease=LEASE)
        assert (again.payload, again.message_ids) == ({"n": 2}, (42,))
        await outbox.ack(p.id, NOW, [42])
        assert await outbox.pending() == 0

    async def test_the_final_one_is_not_replaced(self, stores):
        outbox = stores.outbox()
        await owe(outbox, "p", kind=PROGRESS, n=1)
        assert await owe(outbox, "p", kind=PROGRESS, n=2, final=True)
        assert not await owe(outbox, "p", kind=PROGRESS, n=3)
        [p] = await outbox.claim(NOW, lease=LEASE)
        assert p.payload["n"] == 2
        await outbox.ack(p.id, NOW, [1])
        assert not await owe(outbox, "p", kind=PROGRESS, n=4)
        assert await outbox.pending() == 0

    async def test_a_replacement_waits_out_the_retry(self, stores):
        outbox = stores.outbox()
        await owe(outbox, "p", kind=PROGRESS, n=1)
        [p] = await outbox.claim(NOW, lease=LEASE)
        await outbox.retry(p.id, NOW + 5 * SECOND, "429")
        await owe(outbox, "p", kind=PROGRESS, n=2)
        assert await keys(outbox, NOW + 4 * SECOND) == []
        [p] = await outbox.claim(NOW + 5 * SECOND, lease=LEASE)
        assert (p.payload, p.attempts) == ({"n": 2}, 1)

    async def test_a_late_ack_of_the_old_version_loses_nothing(self, stores):
        if stores.url is None:
            pytest.skip("one instance in memory")
        early, late = stores.outbox(), stores.outbox()
        await owe(early, "p", kind=PROGRESS, n=1)
        [p] = await early.claim(NOW, lease=LEASE)
        await owe(early, "p", kind=PROGRESS, n=2)
        after = NOW + LEASE
        assert (await late.claim(after, lease=LEASE))[0].payload == {"n": 2}
        await early.ack(p.id, after, [42])  # of version 1, while version 2 is on its way
        assert await late.pending() == 1
        assert await keys(early, after) == []
        # late crashes here; its lease runs out
        [again] = await early.claim(after + LEASE, lease=LEASE)
        assert (again.payload, again.message_ids) == ({"n": 2}, (42,))

    async def test_replaced_behind_one_under_way_the_chat_waits(self, stores):
        outbox = stores.outbox()
        await owe(outbox, "p", kind=PROGRESS, n=1)
        [p] = await outbox.claim(NOW, lease=LEASE)
        await outbox.ack(p.id, NOW, [1])
        await owe(outbox, "report")
        assert await keys(outbox) == ["report"]
        await owe(outbox, "p", kind=PROGRESS, n=2)
        assert await keys(stores.outbox()) == []


async def test_concurrent_claimers_never_share_a_chat(stores):
    putter = stores.outbox()
    for n in range(60):
        await owe(putter, f"k{n}", chat=n % 6)
    workers = [stores.outbox() for _ in range(4)]
    under_way: set[int] = set()
    sent: list[tuple[int, int]] = []

    async def drain(outbox, rng):
        while await outbox.pending():
            await asyncio.sleep(0)
            for each in await outbox.claim(NOW, lease=LEASE, limit=rng.randint(1, 3)):
                assert each.chat_id not in under_way
                under_way.add(each.chat_id)
                await asyncio.sleep(rng.random() * 0.002)
                sent.append((each.chat_id, int(each.dedupe_key[1:])))
                under_way.remove(each.chat_id)
                await outbox.ack(each.id, NOW, [1])

    await asyncio.gather(*(drain(each, random.Random(n)) for n, each in enumerate(workers)))
    assert len(sent) == 60
    for chat in range(6):
        mine = [n for c, n in sent if c == chat]
        assert mine == sorted(mine)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["put", "progress", "final", "alert", "claim", "ack", "retry", "fail", "wait"]
        ),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=40,
)


async def _replay(outbox, steps):
    """Return all that can be seen from outside while the steps are done."""
    now, held, seen = NOW, [], []
    for n, (step, pick, chat) in enumerate(steps):
        if step in ("put", "progress", "final", "alert"):
            kind = {"put": REPORT, "alert": DeliveryKind.ALERT}.get(step, PROGRESS)
            payload = {"n": n, "final": step == "final"}
            key = f"{kind.value}{pick}"
            seen.append(await outbox.put(chat, kind, payload, dedupe_key=key, now=now))
        elif step == "claim":
            found = await outbox.claim(now, lease=timedelta(seconds=3), limit=1 + pick)
            held = [each.id for each in found] or held
            seen.append([each.model_dump(exclude={"id"}) for each in found])
        elif step == "wait":
            now += timedelta(seconds=pick)
        elif held:
            target = held[pick % len(held)]
            if step == "ack":
                await outbox.ack(target, now, [n])
            elif step == "retry":
                await outbox.retry(target, now + timedelta(seconds=pick), "x")
            else:
                await outbox.fail(target, now, "x")
        seen.append(await outbox.pending())
    return seen


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_the_database_does_what_memory_does(backend, request, tmp_path):
    url = request.getfixturevalue(f"{backend}_url")

    @settings(max_examples=30, deadline=None, database=None)
    @given(STEPS)
    def check(steps):
        asyncio.run(_compare(url, tmp_path, steps))

    check()


async def _compare(url, folder, steps):
    stores = Stores(url, folder)
    try:
        async with stores.database().engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM outbox")
        assert await _replay(stores.outbox(), steps) == await _replay(MemoryOutbox(), steps)
    finally:
        await stores.close()
