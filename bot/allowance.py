"""How much one person may ask of the bot: so many messages and taps a minute, then a pause."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from bot.texts import en
from flows.services import Services

log = structlog.get_logger(__name__)
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
MINUTE: Final = timedelta(minutes=1)
_MANY: Final = 1000


@dataclass
class _Purse:
    """What a person has left, when that was counted, and whether they were told to wait."""

    left: float
    at: datetime
    told: bool = False


class Allowances:
    """A purse for each person: full at first, it fills by `per_minute` a minute.

    Whoever asks evenly is never held up; a burst may take a whole minute's worth at once.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._purses: dict[int, _Purse] = {}

    def take(self, user_id: int, now: datetime) -> timedelta | None:
        """Take one; None if there was one, else how long until there will be."""
        purse = self._purses.setdefault(user_id, _Purse(float(self._per_minute), now))
        gained = (now - purse.at) / MINUTE * self._per_minute
        purse.left = min(purse.left + max(gained, 0.0), float(self._per_minute))
        purse.at = max(now, purse.at)
        if purse.left >= 1:
            purse.left -= 1
            purse.told = False
            self._forget(now)
            return None
        return (1 - purse.left) / self._per_minute * MINUTE

    def tell(self, user_id: int) -> bool:
        """Whether to tell the person now: once for each time that they ran out."""
        purse = self._purses[user_id]
        first, purse.told = not purse.told, True
        return first

    def _forget(self, now: datetime) -> None:
        """Drop purses that are full again, so that many people in one day leave nothing."""
        if len(self._purses) > _MANY:
            kept = {user: p for user, p in self._purses.items() if now - p.at < MINUTE}
            self._purses = kept


class Moderation(BaseMiddleware):
    """Lets a person's messages and taps through as far as their allowance goes.

    The rest is not queued: it is answered once in one line, a tap each time, and dropped.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._allowances = Allowances(services.settings.user_requests_per_minute)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Pass on, or say how long to wait."""
        user = getattr(event, "from_user", None)
        if user is None:
            return None
        wait = self._allowances.take(user.id, self._services.clock())
        if wait is None:
            return await handler(event, data)
        first = self._allowances.tell(user.id)
        if first:
            log.warning("asks_too_fast", user_id=user.id)
        words = en.too_fast(wait.total_seconds())
        if isinstance(event, CallbackQuery):
            await event.answer(words)
        elif first and isinstance(event, Message):
            await event.answer(words, parse_mode=None)
        return None
