"""Alerts in the outbox: first in their chat's queue, their edits last; one suite over all stores."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.report import DeliveryKind
from storage.memory import MemoryOutbox
from storage.outbox_rules import REPLACEABLE

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
ALERT, REPORT, PROGRESS = DeliveryKind.ALERT, DeliveryKind.REPORT, DeliveryKind.PROGRESS


async def owe(outbox, key, kind=ALERT, chat=1, **payload):
    return await outbox.put(chat, kind, payload, dedupe_key=key, now=NOW)


async def claimed(outbox, now=NOW, limit=20):
    return await outbox.claim(now, lease=LEASE, limit=limit)


async def send(outbox, now=NOW, message=7):
    """Send the one that is due; return its key."""
    [each] = await claimed(outbox, now)
    await outbox.ack(each.id, now, each.message_ids or [message])
    return each.dedupe_key


async def test_an_alert_goes_before_all_that_waits(stores):
    outbox = stores.outbox()
    for key, kind in (
        ("r1", REPORT),
        ("p", PROGRESS),
        ("a1", ALERT),
        ("r2", REPORT),
        ("a2", ALERT),
    ):
        await owe(outbox, key, kind)
    assert [await send(outbox) for _ in range(5)] == ["a1", "a2", "r1", "p", "r2"]


async def test_it_waits_for_what_is_under_way(stores):
    outbox = stores.outbox()
    await owe(outbox, "r", REPORT)
    [report] = await claimed(outbox)
    await owe(outbox, "a")
    assert await claimed(stores.outbox()) == []
    await outbox.ack(report.id, NOW, [1])
    assert await send(stores.outbox()) == "a"


async def test_it_overtakes_what_waits_for_its_retry(stores):
    outbox = stores.outbox()
    await owe(outbox, "r", REPORT)
    [report] = await claimed(outbox)
    await outbox.retry(report.id, NOW + 9 * SECOND, "429")
    await owe(outbox, "a")
    assert await send(outbox) == "a"
    assert await claimed(outbox) == []
    assert await send(outbox, NOW + 9 * SECOND) == "r"


async def test_one_that_waits_for_its_retry_is_not_overtaken(stores):
    outbox = stores.outbox()
    await owe(outbox, "a")
    [alert] = await claimed(outbox)
    await outbox.retry(alert.id, NOW + 9 * SECOND, "429")
    await owe(outbox, "r", REPORT)
    await owe(outbox, "a2")
    assert await claimed(outbox, NOW + 8 * SECOND) == []
    assert [await send(outbox, NOW + 9 * SECOND) for _ in range(3)] == ["a", "a2", "r"]


async def test_an_edit_comes_after_all_that_is_due(stores):
    outbox = stores.outbox()
    await owe(outbox, "a", n=1)
    await send(outbox, message=42)
    assert await owe(outbox, "a", n=2)
    await owe(outbox, "r", REPORT)
    await owe(outbox, "a2")
    assert [await send(outbox) for _ in range(2)] == ["a2", "r"]
    [edit] = await claimed(outbox)
    assert (edit.dedupe_key, edit.payload, edit.message_ids) == ("a", {"n": 2}, (42,))


async def test_an_edit_uses_the_time_in_which_others_wait(stores):
    outbox = stores.outbox()
    await owe(outbox, "a", n=1)
    await send(outbox)
    await owe(outbox, "a", n=2)
    await owe(outbox, "r", REPORT)
    [report] = await claimed(outbox)
    await outbox.retry(report.id, NOW + 9 * SECOND, "later")
    assert await send(outbox) == "a"


async def test_an_edit_that_waits_for_its_retry_holds_up_nobody(stores):
    outbox = stores.outbox()
    for key in ("a", "a2"):
        await owe(outbox, key, n=1)
    for _ in range(2):
        await send(outbox)
    for key in ("a", "a2"):
        await owe(outbox, key, n=2)
    [edit] = await claimed(outbox)
    await outbox.retry(edit.id, NOW + 60 * SECOND, "429")
    assert await send(outbox) == "a2"  # nor another edit
    await owe(outbox, "r", REPORT)
    assert await send(outbox) == "r"
    assert await claimed(outbox) == []
    assert await send(outbox, NOW + 60 * SECOND) == "a"


async def test_replaced_before_it_was_sent_it_is_still_first(stores):
    outbox = stores.outbox()
    await owe(outbox, "r", REPORT)
    for n in range(3):
        assert await owe(outbox, "a", n=n, final=True)
    [alert] = await claimed(outbox)
    assert (alert.payload["n"], alert.message_ids) == (2, ())


async def test_replaced_while_it_is_sent_it_comes_back_as_an_edit(stores):
    outbox = stores.outbox()
    await owe(outbox, "a", n=1)
    [alert] = await claimed(outbox)
    await owe(stores.outbox(), "a", n=2)
    await owe(outbox, "r", REPORT)
    assert await claimed(outbox) == []
    await outbox.ack(alert.id, NOW, [42])
    assert await send(outbox) == "r"
    [edit] = await claimed(outbox)
    assert (edit.payload, edit.message_ids, edit.attempts) == ({"n": 2}, (42,), 0)
    await outbox.ack(edit.id, NOW, [])
    assert await outbox.pending() == 0


async def test_with_little_room_alerts_of_all_chats_come_first(stores):
    outbox = stores.outbox()
    for chat in range(4):
        await owe(outbox, f"r{chat}", REPORT, chat)
    for chat in (5, 3):
        await owe(outbox, f"a{chat}", ALERT, chat)
    assert [each.dedupe_key for each in await claimed(outbox, limit=3)] == ["a5", "a3", "r0"]
    assert [each.dedupe_key for each in await claimed(outbox)] == ["r1", "r2"]


async def test_a_key_stays_of_its_kind(stores):
    outbox = stores.outbox()
    await owe(outbox, "a", ALERT)
    await owe(outbox, "r", REPORT)
    for kind in (PROGRESS, REPORT):
        assert not await owe(outbox, "a", kind)
    assert not await owe(outbox, "r", ALERT)
    assert [await send(outbox) for _ in range(2)] == ["a", "r"]


@dataclass
class _Entry:
    id: int
    kind: DeliveryKind
    key: str
    owed: bool = True
    sent: bool = False
    due: int = 0
    lease: int = 0


class _Rules:
    """The queue of one chat in the plainest words, as the port's docstring has it."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []

    def put(self, key: str, kind: DeliveryKind) -> bool:
        for each in self.entries:
            if each.key == key:
                if each.kind not in REPLACEABLE:
                    return False
                each.owed = True
                return True
        self.entries.append(_Entry(len(self.entries) + 1, kind, key))
        return True

    def next(self, now: int) -> _Entry | None:
        owed = [each for each in self.entries if each.owed]
        if any(each.lease > now for each in owed):
            return None
        alerts = [e for e in owed if e.kind is ALERT and not e.sent]
        edits = [e for e in owed if e.kind is ALERT and e.sent]
        others = [e for e in owed if e.kind is not ALERT]
        first = (alerts or others or [None])[0]
        if first is not None and first.due <= now:
            return first
        if any(each.due <= now for each in alerts + others):
            return None
        return next((each for each in edits if each.due <= now), None)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["alert", "report", "progress", "send", "retry", "crash", "wait"]),
        st.integers(0, 4),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(moves=MOVES)
def test_the_queue_keeps_its_rules(moves):
    """Memory against the rules in plain words; the database is held to memory in test_outbox."""

    async def check() -> None:
        outbox, rules, now = MemoryOutbox(), _Rules(), 0
        for move, pick in moves:
            at = NOW + now * SECOND
            if move in ("alert", "report", "progress"):
                name, what = f"{move}{pick}", DeliveryKind(move)
                assert await owe(outbox, name, what) == rules.put(name, what)
            elif move == "wait":
                now += pick
            else:
                expected = rules.next(now)
                found = await outbox.claim(at, lease=3 * SECOND)
                assert [each.dedupe_key for each in found] == ([expected.key] if expected else [])
                if expected is None:
                    continue
                expected.lease = now + 3
                if move == "send":
                    await outbox.ack(found[0].id, at, [1])
                    expected.owed, expected.sent, expected.due, expected.lease = False, True, 0, 0
                elif move == "retry":
                    await outbox.retry(found[0].id, at + pick * SECOND, "429")
                    expected.due, expected.lease = now + pick, 0

    asyncio.run(check())
