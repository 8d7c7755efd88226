"""Fetching updates so that none is lost: confirmed only when its handler has ended.

Telegram forgets an update once a later offset is asked for. So the offset stays at the oldest
update still being handled; those behind it come again meanwhile and are skipped. A crash brings
back what was unfinished, and some that were finished: handlers that launch anything are keyed.
"""

import asyncio
import time
from collections.abc import Callable

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramConflictError, TelegramRetryAfter
from aiogram.methods import GetUpdates
from aiogram.types import Update

log = structlog.get_logger(__name__)

ALLOWED = ["message", "callback_query"]
LONG_POLL = 25  # seconds
BUSY_POLL = 0.2  # seconds between fetches while something is being handled
HANDLER_LIMIT = 300.0  # seconds after which a handler is cancelled
BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0)


class Offsets:
    """Which updates are being handled, and what may be confirmed. Pure bookkeeping."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._seen_to = 0

    def begin(self, update_id: int, asked: int) -> bool:
        """Note that handling begins; False if the update is known already.

        Parameters
        ----------
        asked
            The offset that the answer with this update was asked with. Below what was seen, the
            answer repeats what was open then, even if its handler has ended meanwhile. Else all
            earlier ones are confirmed, so a lower number is a new update: Telegram restarts its
            numbers at random after a quiet week.
        """
        repeats = bool(self._open) or asked < self._seen_to
        if repeats and update_id < self._seen_to:
            return False
        self._open.add(update_id)
        self._seen_to = update_id + 1
        return True

    def end(self, update_id: int) -> None:
        """Note that handling has ended, well or not."""
        self._open.discard(update_id)

    @property
    def busy(self) -> bool:
        """Whether anything is being handled."""
        return bool(self._open)

    @property
    def offset(self) -> int:
        """The oldest update that must not be confirmed; all before it may be."""
        return min(self._open, default=self._seen_to)


def lane_of(update: Update) -> str:
    """Return the queue an update is handled in: within one, the next waits for the last.

    One lane for each person in a chat keeps two quick presses in order. Files, which take
    seconds, get a lane of their own.
    """
    event = update.message or update.callback_query
    if event is None or event.from_user is None:
        return f"update:{update.update_id}"
    if update.message and update.message.document:
        return f"file:{update.update_id}"
    chat = update.message.chat if update.message else None
    if update.callback_query and update.callback_query.message:
        chat = update.callback_query.message.chat
    return f"{chat.id if chat else 0}:{event.from_user.id}"


async def handle(bot: Bot, dispatcher: Dispatcher, update: Update) -> None:
    """Hand an update to its handler; no failure of one ends anything else."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(HANDLER_LIMIT):
            await dispatcher.feed_update(bot, update)
    except Exception:
        log.exception("handler_failed", update_id=update.update_id)
    log.debug("update_handled", update_id=update.update_id, seconds=time.monotonic() - started)


class Poller:
    """Fetches, hands out by lanes, and confirms.

    Parameters
    ----------
    may_poll
        Asked before every fetch; while it is False nothing is fetched (another process polls).
    """

    def __init__(self, bot: Bot, dispatcher: Dispatcher, may_poll: Callable[[], bool]) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._may_poll = may_poll
        self._offsets = Offsets()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._progress = asyncio.Event()

    async def run(self) -> None:
        """Poll until cancelled; no failure of Telegram or of a handler ends it."""
        failures = 0
        while True:
            if not self._may_poll():
                await asyncio.sleep(BUSY_POLL)
                continue
            try:
                fresh = await self._fetch(0 if self._offsets.busy else LONG_POLL)
            except Exception as error:  # noqa: BLE001  (HTML, resets, conflicts: all mean wait)
                await asyncio.sleep(_pause(error, failures))
                failures += 1
                continue
            failures = 0
            if self._offsets.busy and not fresh:
                await self._wait_for_progress()

    async def drain(self, limit: float) -> None:
        """Let handlers end, `limit` seconds at most, then confirm what was handled."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit)
        for task in self._tasks:
            task.cancel()
        if self._offsets.offset and self._may_poll():
            try:
                await self._get(wait=0, limit=1)
            except Exception as error:  # noqa: BLE001  (unconfirmed ones come again)
                log.warning("updates_not_confirmed", error=type(error).__name__)

    async def _fetch(self, wait: int) -> bool:
        """Get updates and start what is new; True if anything was."""
        asked = self._offsets.offset
        found = await self._get(wait=wait, limit=100)
        fresh = [u for u in found if self._offsets.begin(u.update_id, asked)]
        for update in fresh:
            self._start(update)
        return bool(fresh)

    async def _get(self, *, wait: int, limit: int) -> list[Update]:
        call = GetUpdates(
            offset=self._offsets.offset or None,
            timeout=wait,
            limit=limit,
            allowed_updates=ALLOWED,
        )
        return await self._bot(call, request_timeout=wait + 10)

    def _start(self, update: Update) -> None:
        lane = lane_of(update)
        task = asyncio.create_task(self._handle(update, self._lanes.get(lane)))
        self._lanes[lane] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(update.update_id, lane, done))

    async def _handle(self, update: Update, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        await handle(self._bot, self._dispatcher, update)

    def _ended(self, update_id: int, lane: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._lanes.get(lane) is task:
            del self._lanes[lane]
        if not task.cancelled():
            self._offsets.end(update_id)
        self._progress.set()

    async def _wait_for_progress(self) -> None:
        """Wait a little, or less if a handler ends."""
        self._progress.clear()
        try:
            async with asyncio.timeout(BUSY_POLL):
                await self._progress.wait()
        except TimeoutError:
            return


def _pause(error: Exception, failures: int) -> float:
    """Log a failed fetch and return how long to wait before the next."""
    pause = BACKOFF[min(failures, len(BACKOFF) - 1)]
    if isinstance(error, TelegramRetryAfter):
        pause = max(pause, float(error.retry_after))
    if isinstance(error, TelegramConflictError):
        log.warning("another_poller", hint="a second bot uses this token", retry_in=pause)
    else:
        log.warning("fetch_failed", error=type(error).__name__, retry_in=pause)
    return pause
