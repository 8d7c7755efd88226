"""What the courier makes of each failure, on the outbox in memory."""

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import SendMessage

from bot.delivery import BUG_ATTEMPTS, LEASE, Courier, hopeless, pause_after
from bot.pacing import NO_ROOM, Pacer
from bot.requests import never_sent, timed_out, unsure
from pipeline.domain.errors import DataError, StoreDownError
from pipeline.domain.report import DeliveryKind
from storage.memory import MemoryChatStore, MemoryOutbox

METHOD = SendMessage(chat_id=1, text="x")
START = datetime(2026, 1, 1, tzinfo=UTC)


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def network(cause: BaseException) -> Exception:
    return caused(TelegramNetworkError(METHOD, "n"), cause)


TIMED_OUT = network(TimeoutError())
DROPPED = network(aiohttp.ServerDisconnectedError())
REFUSED = network(aiohttp.ClientConnectorError(None, OSError("refused")))
HTML = ClientDecodeError("bad", ValueError(), "<html>")
FLOOD = TelegramRetryAfter(METHOD, "slow", 7)


class Script:
    """A sender that does what the script says, and then works."""

    def __init__(self, *script, alive=True):
        self.script = list(script)
        self.sent: list[tuple[str, int]] = []
        self.reachable = alive

    async def send(self, delivery, chat_id):
        if self.script:
            step = self.script.pop(0)
            if step is not None:
                raise step
        self.sent.append((delivery.dedupe_key, chat_id))
        return (len(self.sent),)

    async def alive(self):
        return self.reachable


class Crowded(Pacer):
    """A pacer that has no place for some seconds: for albums, or for those who leave room."""

    album_seconds = polite_seconds = 0.0

    def wait(self, chat_id, now, parts=1, room=NO_ROOM):
        if parts > 1:
            return self.album_seconds
        return 0.0 if room == NO_ROOM else self.polite_seconds


class World:
    def __init__(self, *script, kind=DeliveryKind.NOTICE, **more):
        self.now, self.kind = START, kind
        self.sender = Script(*script, **more)
        self.outbox, self.chats = MemoryOutbox(), MemoryChatStore()
        self.pacer, self.lost, self.moves = Crowded(), [], []
        self.courier = Courier(
            self.sender, self.outbox, self.chats, clock=lambda: self.now, may_send=lambda: True,
            pacer=self.pacer, given_up=self.note, moved=self.note_move,
        )  # fmt: skip

    async def note(self, delivery):
        self.lost.append(delivery.dedupe_key)

    async def note_move(self, old, new):
        self.moves.append((old, new))

    async def owe(self, *keys, chat_id=5):
        for key in keys:
            payload = {"text": key, "items": [{}, {}]}
            await self.outbox.put(chat_id, self.kind, payload, dedupe_key=key, now=self.now)

    async def turn(self, times=1, seconds=100):
        for _ in range(times):
            await self.courier.step()
            await self.courier.drain(1)
            self.now += timedelta(seconds=seconds)


@pytest.mark.parametrize("error", [HTML, FLOOD, REFUSED, TelegramServerError(METHOD, "5xx")])
async def test_what_was_never_sent_is_tried_for_ever(error):
    assert never_sent(error)
    world = World(*[error] * 15)
    await world.owe("a", "b")
    await world.turn(17)
    assert [key for key, _ in world.sender.sent] == ["a", "b"]


async def test_a_text_is_repeated_once_after_a_time_out_and_then_given_up():
    assert unsure(TIMED_OUT)
    assert timed_out(TIMED_OUT)
    world = World(TIMED_OUT, TIMED_OUT)
    await world.owe("a", "b")
    await world.turn(4)
    assert [key for key, _ in world.sender.sent] == ["b"]
    assert await world.outbox.pending() == 0


async def test_dropped_connections_repeat_texts_thrice_and_albums_once():
    assert not timed_out(DROPPED)
    world = World(DROPPED, DROPPED, DROPPED)
    await world.owe("a")
    await world.turn(4)
    assert [key for key, _ in world.sender.sent] == ["a"]
    album = World(DROPPED, DROPPED, kind=DeliveryKind.ALBUM)
    await album.owe("a")
    await album.turn(4)
    assert album.sender.sent == []


async def test_a_doubtful_one_waits_until_telegram_answers():
    world = World(TIMED_OUT, alive=False)
    await world.owe("a")
    await world.turn(10)
    assert world.sender.sent == []
    assert await world.outbox.pending() == 1
    world.sender.reachable = True
    await world.turn()
    assert [key for key, _ in world.sender.sent] == ["a"]


@pytest.mark.parametrize(
    "error",
    [
        TelegramForbiddenError(METHOD, "blocked"),
        TelegramBadRequest(METHOD, "no"),
        DataError("gone"),
    ],
)
async def test_the_hopeless_is_given_up_and_the_queue_goes_on(error):
    world = World(error)
    await world.owe("a", "b")
    await world.turn(3)
    assert [key for key, _ in world.sender.sent] == ["b"]


async def test_a_migrated_group_gets_it_at_its_new_id_and_so_ever_after():
    world = World(TelegramMigrateToChat(METHOD, "moved", -1007))
    await world.owe("a", "b", chat_id=-7)
    await world.turn(3)
    assert world.sender.sent == [("a", -1007), ("b", -1007)]
    assert await world.chats.recall("migrated:-7") == {"chat_id": -1007}
    assert world.moves == [(-7, -1007)]


async def test_chats_do_not_wait_for_each_other():
    world = World(FLOOD)
    await world.owe("a1", "a2", chat_id=1)
    await world.owe("b1", chat_id=2)
    await world.turn(2, seconds=0)
    assert [key for key, _ in world.sender.sent] == ["b1"]
    await world.turn(3, seconds=8)
    assert [key for key, _ in world.sender.sent] == ["b1", "a1", "a2"]


async def test_a_bug_gets_a_few_chances():
    world = World(*[ValueError("bug")] * BUG_ATTEMPTS)
    await world.owe("a")
    await world.turn(BUG_ATTEMPTS + 1)
    assert world.sender.sent == []
    assert await world.outbox.pending() == 0


async def test_the_loop_survives_a_dead_store():
    world = World()
    await world.owe("a")
    real, failures = world.outbox.claim, 2

    async def claim(*args, **kwargs):
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreDownError("down")
        return await real(*args, **kwargs)

    world.outbox.claim = claim
    task = asyncio.create_task(world.courier.run())
    for _ in range(60):
        if world.sender.sent:
            break
        await asyncio.sleep(0.05)
    task.cancel()
    assert [key for key, _ in world.sender.sent] == ["a"]


async def test_an_alert_never_waits_behind_what_has_no_room():
    world = World(kind=DeliveryKind.ALBUM)
    world.pacer.album_seconds = 3.1
    await world.owe("album")
    await world.turn(seconds=1)
    assert world.sender.sent == []
    assert (await world.outbox.claim(world.now, lease=LEASE)) == [], "its turn is later"
    world.kind = DeliveryKind.ALERT
    await world.owe("alert")
    await world.turn(seconds=3)
    assert [key for key, _ in world.sender.sent] == ["alert"]
    world.pacer.album_seconds = 0.0
    await world.turn(seconds=3)
    assert [key for key, _ in world.sender.sent] == ["alert", "album"]


async def test_a_first_alert_is_owed_again_as_an_edit_that_leaves_room():
    world = World(kind=DeliveryKind.ALERT)
    world.pacer.polite_seconds = 3.1
    await world.owe("alert")
    await world.turn(2, seconds=1)
    assert [key for key, _ in world.sender.sent] == ["alert"]
    world.pacer.polite_seconds = 0.0
    await world.turn(4)
    assert [key for key, _ in world.sender.sent] == ["alert", "alert"]
    assert await world.outbox.pending() == 0


async def test_after_a_long_outage_an_alert_is_tried_within_seconds():
    world = World(*[REFUSED] * 12, kind=DeliveryKind.ALERT)
    await world.owe("alert")
    await world.turn(13, seconds=5)
    assert [key for key, _ in world.sender.sent] == ["alert"]


async def test_an_alert_that_fails_for_good_is_told_before_it_is_written_down():
    world = World(TelegramForbiddenError(METHOD, "blocked"), kind=DeliveryKind.ALERT)
    await world.owe("alert")
    await world.turn()
    assert world.lost == ["alert"]
    assert await world.outbox.pending() == 0


async def test_of_unknown_fate_first_alerts_are_tried_four_times_and_edits_for_ever():
    world = World(DROPPED, TIMED_OUT, DROPPED, kind=DeliveryKind.ALERT)
    await world.owe("first")
    await world.turn(4)
    assert [key for key, _ in world.sender.sent] == ["first"]
    world = World(TIMED_OUT, DROPPED, TIMED_OUT, DROPPED, kind=DeliveryKind.ALERT)
    await world.owe("first")
    await world.turn(6)
    assert world.lost == ["first"]
    assert world.sender.sent == []
    world = World(None, *[TIMED_OUT] * 6, kind=DeliveryKind.ALERT)
    await world.owe("edited")
    await world.turn(9)
    assert world.lost == []
    assert len(world.sender.sent) == 2


async def test_a_store_that_is_down_costs_no_delivery():
    world = World(*[StoreDownError("down")] * (3 * BUG_ATTEMPTS))
    await world.owe("a")
    await world.turn(3 * BUG_ATTEMPTS + 1)
    assert [key for key, _ in world.sender.sent] == ["a"]


def test_pauses_grow_to_a_minute_and_obey_telegram():
    assert pause_after(FLOOD, 0) == 7
    assert [pause_after(HTML, n) for n in (0, 1, 2, 30)] == [0.5, 1.0, 2.0, 60.0]
    assert not hopeless(HTML, 100)
