"""Handling the updates that are kept in the database, each once and in the order of its lane.

What Telegram sends to the webhook is kept before it hears 200, and forgotten when its handler has
ended; what a bot that died had begun, another begins anew (launches are keyed). So an update is
as safe here as one that was fetched and not confirmed.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiogram import Bot, Dispatcher
from aiogram.types import Update

from bot.poller import handle
from pipeline.domain.entry import HeldUpdate
from pipeline.domain.errors import AppError
from storage.entry_ports import UpdateInbox

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=30)
PROLONG: Final = 10.0  # seconds
MOST_AT_ONCE: Final = 50
LOOK: Final = 0.5  # seconds between looks where a webhook brings updates to other bots too
LOOK_SELDOM: Final = 30.0  # where only leftovers of a webhook can be there
TROUBLE: Final = 1.0
SWEEP_EVERY: Final = 3600.0
REMEMBERED: Final = timedelta(days=2)


class KeptUpdates:
    """Claims kept updates and hands them to the dispatcher.

    Parameters
    ----------
    owner
        Of the claims: this process.
    look
        Seconds between two looks when nothing is poked.
    """

    def __init__(
        self, bot: Bot, dispatcher: Dispatcher, inbox: UpdateInbox, owner: str,
        clock: Callable[[], datetime], *, look: float,
    ) -> None:  # fmt: skip
        self._bot = bot
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._owner = owner
        self._clock = clock
        self._look = look
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    def poke(self) -> None:
        """Say that there may be something new."""
        self._news.set()

    async def run(self) -> None:
        """Handle what comes, until cancelled."""
        await asyncio.gather(self._claim_often(), self._prolong_often(), self._sweep_often())

    async def drain(self, limit: float) -> None:
        """Let handlers end, `limit` seconds at most; what has not ended is given back."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._inbox.release(self._owner)
        except AppError as error:  # another bot takes them up when the lease has run out
            log.warning("updates_not_released", error=error.user_text)

    async def _claim_often(self) -> None:
        while True:
            self._news.clear()
            pause = self._look
            try:
                free = MOST_AT_ONCE - len(self._tasks)
                found = await self._claim(free) if free > 0 else []
                for held in found:
                    self._start(held)
            except AppError as error:
                log.warning("updates_not_claimed", error=error.user_text)
                pause = max(pause, TROUBLE)
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _claim(self, limit: int) -> list[HeldUpdate]:
        return await self._inbox.claim(self._owner, self._clock(), lease=LEASE, limit=limit)

    def _start(self, held: HeldUpdate) -> None:
        task = asyncio.create_task(self._handle(held))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._news.set()  # the next of its lane may be claimed

    async def _handle(self, held: HeldUpdate) -> None:
        try:
            update = Update.model_validate(held.body, context={"bot": self._bot})
        except ValueError:
            log.exception("update_not_understood", update_id=held.update_id)
        else:
            await handle(self._bot, self._dispatcher, update)
        await self._done(held.update_id)

    async def _done(self, update_id: int) -> None:
        """Note the end, however long the database is away: else it would be handled again."""
        while True:
            try:
                await self._inbox.done(update_id, self._clock())
            except AppError as error:
                log.warning("update_not_ended", update_id=update_id, error=error.user_text)
                await asyncio.sleep(TROUBLE)
            else:
                return

    async def _prolong_often(self) -> None:
        while True:
            await asyncio.sleep(PROLONG)
            if not self._tasks:
                continue
            try:
                await self._inbox.prolong(self._owner, self._clock() + LEASE)
            except AppError as error:
                log.warning("updates_not_prolonged", error=error.user_text)

    async def _sweep_often(self) -> None:
        while True:
            try:
                await self._inbox.sweep(self._clock() - REMEMBERED)
            except AppError as error:
                log.warning("updates_not_swept", error=error.user_text)
            await asyncio.sleep(SWEEP_EVERY)
