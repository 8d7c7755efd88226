"""Draining the outbox: claim, send, acknowledge, so that nothing is lost or out of order.

What follows from each failure:
1. Surely not sent (no connection, 5xx, an HTML page from a proxy, 429): again, for ever, with a
   growing pause or the one Telegram names. The delivery heads its chat's queue meanwhile.
2. Unknown (time-out or drop while waiting for the answer): repeated once Telegram answers again.
   After a second time-out it counts as sent; pictures and files after a second drop too, texts
   after a fourth. So a reader may see a thing twice, hardly ever not at all. An alert, worse
   lost than seen twice and known by its id, is given up after the fourth of either, and its chat
   told in a line. Edits repeat freely.
3. Never will be (blocked by the user, chat gone, refused as malformed, file missing): given up,
   kept with the reason; the chat's queue goes on.
4. The group became a supergroup: sent to the new id, which is remembered.

An alert that a chat hasn't seen yet goes first. What finds no room under Telegram's limits gives
its turn back, rather than wait in an alert's way; what follows an alert leaves room for the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)

from bot.pacing import FOR_ALERTS, NO_ROOM, Pacer
from bot.requests import never_sent, timed_out, unsure
from bot.sending import NotYetError, Sender, is_first_alert, parts_of
from pipeline.domain.errors import DataError, ServiceError
from pipeline.domain.report import Delivery, DeliveryKind
from storage import metrics
from storage.ports import ChatStore, Outbox

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=50)
SEND_LIMIT: Final = 35.0  # seconds; less than the lease, so no one else sends meanwhile
POLL: Final = 0.04
PATIENCE: Final = 0.25  # seconds that a delivery may wait for its place while it is leased
AT_ONCE: Final = 20
BUG_ATTEMPTS: Final = 5
DOUBT_LIMIT: Final = 4
LONGEST_PAUSE: Final = 60.0
LONGEST_OF_ALERTS: Final = 5.0
POLITE: Final = (DeliveryKind.ALERT, DeliveryKind.OUTCOME, DeliveryKind.DIGEST)


class Courier:
    """Drains the outbox while `may_send` says so.

    Parameters
    ----------
    clock
        The wall clock, UTC.
    pacer
        The places in line that all requests book, by `time.monotonic`.
    given_up
        Called with what will never arrive, before that is written down.
    moved
        Called with a group's old and new id once it is known to have become a supergroup.
    """

    def __init__(
        self,
        sender: Sender,
        outbox: Outbox,
        chats: ChatStore,
        *,
        clock: Callable[[], datetime],
        may_send: Callable[[], bool],
        pacer: Pacer | None = None,
        given_up: Callable[[Delivery], Awaitable[None]] | None = None,
        moved: Callable[[int, int], Awaitable[None]] | None = None,
    ) -> None:
        self._sender = sender
        self._outbox = outbox
        self._chats = chats
        self._clock = clock
        self._may_send = may_send
        self._pacer = pacer or Pacer()
        self._given_up = given_up
        self._tell_moved = moved
        self._tasks: set[asyncio.Task[None]] = set()
        self._poked = asyncio.Event()
        self._doubts: dict[int, int] = {}
        self._migrated: dict[int, int] = {}

    def poke(self) -> None:
        """Look into the outbox now: something was put."""
        self._poked.set()

    async def run(self) -> None:
        """Drain until cancelled; no failure ends it."""
        while True:
            try:
                idle = not (self._may_send() and await self.step())
            except Exception as error:  # noqa: BLE001  (the store is down: wait for it)
                log.warning("outbox_unreachable", error=type(error).__name__)
                await asyncio.sleep(1.0)
                continue
            if idle:
                await self._wait()

    async def step(self) -> int:
        """Claim what is due and start sending it; return how many."""
        room = AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        self._poked.clear()
        claimed = await self._outbox.claim(self._clock(), lease=LEASE, limit=room)
        for delivery in claimed:
            task = asyncio.create_task(self.deliver(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return len(claimed)

    async def drain(self, limit: float) -> None:
        """Let what is under way end, `limit` seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit)
        for task in self._tasks:
            task.cancel()

    async def deliver(self, delivery: Delivery) -> None:
        """Send one delivery and tell the outbox what came of it; never raises."""
        try:
            try:
                ids = await self._send(delivery)
            except NotYetError as error:
                await self._outbox.retry(delivery.id, error.at, "")
            except Exception as error:  # noqa: BLE001  (each kind has its consequence below)
                await self._failed(delivery, error)
            else:
                await self._sent(delivery, ids)
        except Exception:
            # The store failed: the lease runs out and the delivery comes back by itself.
            log.exception("delivery_not_recorded", delivery=delivery.dedupe_key)

    async def _sent(self, delivery: Delivery, ids: tuple[int, ...]) -> None:
        self._doubts.pop(delivery.id, None)
        await self._outbox.ack(delivery.id, self._clock(), ids)
        metrics.DELIVERIES.add(kind=delivery.kind.value, result="sent")
        log.info("delivered", delivery=delivery.dedupe_key, messages=len(ids))
        if is_first_alert(delivery):
            # Owed again as an edit: when Telegram took it is known only now.
            await self._outbox.put(
                delivery.chat_id, delivery.kind, delivery.payload,
                dedupe_key=delivery.dedupe_key, now=self._clock(),
            )  # fmt: skip

    async def _send(self, delivery: Delivery) -> tuple[int, ...]:
        chat_id = await self._chat_of(delivery)
        self._give_way(delivery, chat_id)
        if delivery.id in self._doubts and not await self._sender.alive():
            raise _NotReachableError
        async with asyncio.timeout(SEND_LIMIT):
            try:
                return await self._sender.send(delivery, chat_id)
            except TelegramMigrateToChat as error:
                new_id = error.migrate_to_chat_id
                await self._moved(delivery.chat_id, new_id)
                return await self._sender.send(delivery, new_id)

    def _give_way(self, delivery: Delivery, chat_id: int) -> None:
        """Raise NotYetError if there is no place for it soon."""
        polite = delivery.kind in POLITE and not is_first_alert(delivery)
        room = FOR_ALERTS if polite else NO_ROOM
        wait = self._pacer.wait(chat_id, time.monotonic(), parts_of(delivery), room)
        if wait > PATIENCE:
            raise NotYetError(self._clock() + timedelta(seconds=wait))

    async def _chat_of(self, delivery: Delivery) -> int:
        old = delivery.chat_id
        if old < 0 and old not in self._migrated:
            kept = await self._chats.recall(f"migrated:{old}")
            self._migrated[old] = int(kept["chat_id"]) if kept else old
        return self._migrated.get(old, old)

    async def _moved(self, old: int, new: int) -> None:
        self._migrated[old] = new
        await self._chats.remember(f"migrated:{old}", {"chat_id": new}, self._clock())
        log.info("group_migrated", old=old, new=new)
        if self._tell_moved is not None:
            await self._tell_moved(old, new)

    async def _failed(self, delivery: Delivery, error: Exception) -> None:
        if unsure(error):
            doubt = self._doubts.get(delivery.id, 0) + doubt_of(error, delivery)
            self._doubts[delivery.id] = doubt
            if doubt >= DOUBT_LIMIT:
                await self._give_up(delivery, "sent again without an answer")
                return
        if hopeless(error, delivery.attempts):
            await self._give_up(delivery, reason_of(error))
            return
        pause = pause_after(error, delivery.attempts)
        if is_first_alert(delivery) and not isinstance(error, TelegramRetryAfter):
            pause = min(pause, LONGEST_OF_ALERTS)
        metrics.DELIVERIES.add(kind=delivery.kind.value, result="retried")
        log.info("delivery_retried", delivery=delivery.dedupe_key, error=reason_of(error), s=pause)
        at = self._clock() + timedelta(seconds=pause)
        await self._outbox.retry(delivery.id, at, reason_of(error))

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        self._doubts.pop(delivery.id, None)
        metrics.DELIVERIES.add(kind=delivery.kind.value, result="given_up")
        log.warning("delivery_given_up", delivery=delivery.dedupe_key, reason=reason)
        if self._given_up is not None:
            await self._given_up(delivery)
        await self._outbox.fail(delivery.id, self._clock(), reason)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._poked.set()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._poked.wait()
        except TimeoutError:
            return
        self._poked.clear()  # also where it stands by: a poke that stays would never let go


def doubt_of(error: Exception, delivery: Delivery) -> int:
    """Weigh a failure of unknown outcome: a time-out means arrived more often than a drop does."""
    kind = delivery.kind
    if kind is DeliveryKind.PROGRESS:
        return 0
    if kind is DeliveryKind.ALERT:
        return int(is_first_alert(delivery))
    text = kind in (DeliveryKind.REPORT, DeliveryKind.NOTICE, DeliveryKind.DIGEST)
    return 1 if text and not timed_out(error) else 2


class _NotReachableError(Exception):
    """Telegram doesn't answer, so a doubtful delivery isn't repeated yet."""


def hopeless(error: Exception, attempts: int) -> bool:
    """Tell whether trying again can't help; an unforeseen error gets a few chances."""
    if isinstance(error, TelegramForbiddenError | TelegramBadRequest | TelegramEntityTooLarge):
        return True
    if isinstance(error, DataError):
        return True
    expected = never_sent(error) or unsure(error) or isinstance(error, _WAITING)
    return not expected and attempts + 1 >= BUG_ATTEMPTS


_WAITING = (_NotReachableError, ServiceError, TelegramUnauthorizedError, TelegramNotFound)


def pause_after(error: Exception, attempts: int) -> float:
    """Return the seconds to wait before the next attempt."""
    if isinstance(error, TelegramRetryAfter):
        return float(error.retry_after)
    if isinstance(error, TelegramUnauthorizedError | TelegramNotFound):
        return LONGEST_PAUSE
    return float(min(LONGEST_PAUSE, 0.5 * 2.0 ** min(attempts, 10)))


def reason_of(error: Exception) -> str:
    """Return a short reason for the outbox's record."""
    return f"{type(error).__name__}: {getattr(error, 'message', error)}"[:300]
