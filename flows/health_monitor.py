"""Every five minutes health is looked at, and owners hear of what has turned, each turn once.

Bot, scanner and worker each have a monitor; the lease lets one of them look, so that whichever
part dies, another one tells. What was told is kept in the database, and outlives restarts.
"""

import asyncio
import os
import socket
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from flows.health import Health, health
from flows.owners import notify_owners
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.live.health_watch import HealthBook, HealthNews, advance
from storage import metrics
from storage.telemetry import get_logger

log = get_logger(__name__)
EVERY: Final = timedelta(minutes=5)
AGAIN: Final = timedelta(minutes=1)
"""When something looks turned: a second look, so that a hiccup is nobody's news."""
_LEASE: Final = timedelta(minutes=7)
_KEY: Final = "health:monitor"
_UNKNOWN: Final = "processes"
"""The line that stands for all others while the database is down: it tells nothing of them."""


class HealthMonitor:
    """One process's monitor."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._book: HealthBook | None = None

    async def keep(self) -> None:
        """Look until cancelled; nothing ends it."""
        while True:
            await asyncio.sleep(AGAIN.total_seconds())
            try:
                await self.look(self._services.clock())
            except Exception:
                log.exception("health_not_watched")

    async def look(self, now: datetime) -> list[HealthNews]:
        """Look if it is time and our turn; owe owners what is news, and return it."""
        book = await self._recalled()
        due = AGAIN if book.unsure else EVERY
        if book.at is not None and now - book.at < due - AGAIN / 2:
            return []
        if not await self._ours():
            return []
        found = await health(self._services, self._services.settings.timezone)
        measure_health(found)
        lines = [line for line in found.lines if line.name != _UNKNOWN]
        self._book, news = advance(book, lines, now)
        for each in news:
            await self._tell(each)
        await self._remember(self._book, now)
        return news

    async def _ours(self) -> bool:
        try:
            return await self._services.lease.acquire("health", self._owner, _LEASE)
        except AppError:
            return True  # Redis is what is down: the outbox still takes each turn only once

    async def _recalled(self) -> HealthBook:
        """Return the newest of what is kept and what we know: the database may have been down."""
        ours = self._book or HealthBook()
        try:
            kept = await self._services.chats.recall(_KEY)
            book = HealthBook.model_validate(kept or {})
        except (AppError, ValidationError) as error:
            log.warning("health_book_not_read", error=str(error)[:200])
            return ours
        newer = book.at is not None and (ours.at is None or book.at >= ours.at)
        return book if newer else ours

    async def _remember(self, book: HealthBook, now: datetime) -> None:
        try:
            await self._services.chats.remember(_KEY, book.model_dump(mode="json"), now)
        except AppError as error:
            log.warning("health_book_not_kept", error=error.user_text)

    async def _tell(self, news: HealthNews) -> None:
        word = "bad" if news.bad else "well"
        log.warning("health_turned", part=news.part, bad=news.bad, since=news.since.isoformat())
        key = f"health:{news.part}:{word}:{news.since:%Y%m%dT%H%M}"
        try:
            await notify_owners({"text": news.text}, key, self._services)
        except AppError as error:
            # The database is what is down; that it was is told once it is back.
            log.warning("health_not_told", part=news.part, error=error.user_text)


def measure_health(found: Health) -> None:
    """Tell how each part stands."""
    for line in found.lines:
        metrics.HEALTH.set(int(line.light), part=line.name)
