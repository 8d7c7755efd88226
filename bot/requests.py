"""What happens around every request to Telegram: pacing for all, patience for replies."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, cast

import aiohttp
import structlog
from aiogram import Bot
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import Response, SendMediaGroup, TelegramMethod
from aiogram.methods.base import TelegramType

from bot.pacing import Pacer
from storage import metrics

log = structlog.get_logger(__name__)

PACED: Final = ("send", "edit")
UNPACED: Final = ("sendChatAction",)
REPLY_PAUSES: Final = (0.3, 1.0, 3.0)
LONGEST_REPLY_WAIT: Final = 20.0


def never_sent(error: BaseException) -> bool:
    """Tell whether a failed request surely had no effect at Telegram.

    A refused or overdue connection carried nothing; a 5xx, often an HTML page of a proxy, means
    that the request was not taken. A dropped connection or a time-out while waiting for the
    answer proves nothing.
    """
    if isinstance(error, ClientDecodeError | TelegramServerError | TelegramRetryAfter):
        return True
    cause = error.__cause__
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def unsure(error: BaseException) -> bool:
    """Tell whether the request may or may not have arrived."""
    if isinstance(error, TimeoutError):
        return True
    return isinstance(error, TelegramNetworkError) and not never_sent(error)


def timed_out(error: BaseException) -> bool:
    """Tell whether nothing came back in time, rather than the connection breaking."""
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)


class Pacing(BaseRequestMiddleware):
    """Waits before each message or edit until the chat's and the common rate allow it."""

    def __init__(self, pacer: Pacer, clock: Callable[[], float] = time.monotonic) -> None:
        self._pacer = pacer
        self._clock = clock

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Wait, then pass on."""
        chat_id = getattr(method, "chat_id", None)
        name = method.__api_method__
        if isinstance(chat_id, int) and name.startswith(PACED) and name not in UNPACED:
            cost = len(method.media) if isinstance(method, SendMediaGroup) else 1
            wait = self._pacer.reserve(chat_id, self._clock(), cost)
            if wait > 0:
                await asyncio.sleep(wait)
        try:
            return await make_request(bot, method)
        except TelegramRetryAfter:
            metrics.TOO_MANY.add()
            raise


class Patience(BaseRequestMiddleware):
    """Repeats a handler's request that failed on the way, so that replies arrive.

    Warnings
    --------
    A reply whose fate is unknown is repeated once, so it may arrive twice. Deliveries don't go
    through here: `bot.delivery` has the outbox to wait in.
    """

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Pass on, again where that is right."""
        if method.__api_method__ == "getUpdates":
            return await make_request(bot, method)
        doubts = 0
        for pause in REPLY_PAUSES:
            try:
                return await make_request(bot, method)
            except AiogramError as error:
                doubts += unsure(error)
                if doubts > 1 or not (never_sent(error) or unsure(error)):
                    raise
                wait = max(pause, float(cast("Any", getattr(error, "retry_after", 0))))
                if wait > LONGEST_REPLY_WAIT:
                    raise
                log.info(
                    "reply_repeated", method=method.__api_method__, error=type(error).__name__
                )
            await asyncio.sleep(wait)
        return await make_request(bot, method)
