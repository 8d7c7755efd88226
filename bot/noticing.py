"""A sign within half a second that a message was read, when its answer takes longer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiogram import BaseMiddleware
from aiogram.types import Message, TelegramObject

from bot.replies import seen

SOON: Final = 0.25  # seconds an answer may take before the sign


class Noticing(BaseMiddleware):
    """Reacts to a message whose answer is slow: computed first, or waiting for its turn."""

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Pass on; meanwhile count to a quarter of a second."""
        sign = asyncio.create_task(_sign(event))
        try:
            return await handler(event, data)
        finally:
            sign.cancel()


async def _sign(event: TelegramObject) -> None:
    await asyncio.sleep(SOON)
    if isinstance(event, Message):
        await seen(event)
