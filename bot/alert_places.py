"""Which message of which chat is a signal's alert."""

import re
from typing import Final

from aiogram.types import Message

from flows.services import Services
from pipeline.domain.live import AlertSent

SIGNAL_ID: Final = re.compile(r"\bsig_live_\d{1,12}\b")


async def alert_here(signal_id: str, chat_id: int | None, services: Services) -> AlertSent | None:
    """Return a signal's alert in a chat; None: it was never sent there.

    A group that became a supergroup has a new id and still its old alerts.
    """
    for sent in await services.signals.alerts(signal_id):
        if chat_id in (sent.chat_id, await _newer(sent.chat_id, services)):
            return sent
    return None


async def _newer(chat_id: int, services: Services) -> int:
    kept = await services.chats.recall(f"migrated:{chat_id}") if chat_id < 0 else None
    return int(kept["chat_id"]) if kept else chat_id


async def alert_replied_to(message: Message, services: Services) -> AlertSent | None:
    """Return the alert that a message answers; None: it answers nothing, or something else.

    The id is read in what the bot itself wrote, and believed only if the store agrees.
    """
    target = message.reply_to_message
    if target is None or message.bot is None or target.from_user is None:
        return None
    if target.from_user.id != message.bot.id:
        return None
    for signal_id in SIGNAL_ID.findall(target.caption or target.text or ""):
        sent = await alert_here(signal_id, message.chat.id, services)
        if sent is not None and sent.message_id == target.message_id:
            return sent
    return None
