"""Posting a picture with its words so that at least the words arrive, and editing them later."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramEntityTooLarge
from aiogram.types import BufferedInputFile, Message

from bot.layout import View
from bot.sending import is_gone, is_unchanged

log = structlog.get_logger(__name__)

_WITH_PICTURE: Final = ("photo", "document", "text")


@dataclass(frozen=True)
class Content:
    """What a message shows, under a picture and without one.

    Parameters
    ----------
    png
        None: there is no picture.
    """

    caption: View
    text: View
    png: bytes | None = None
    name: str = ""


async def post(bot: Bot, chat_id: int, content: Content, **options: Any) -> Message:
    """Send a message; what Telegram won't have, in a plainer way.

    A picture it refuses goes as a file, a file as a text, entities it can't read are left out.
    The last refusal is raised: then the chat itself is the reason.
    """
    ways = list(_WITH_PICTURE if content.png is not None else _WITH_PICTURE[-1:])
    plain = False
    while True:
        try:
            return await _send(bot, chat_id, content, ways[0], plain=plain, **options)
        except (TelegramBadRequest, TelegramEntityTooLarge) as error:
            log.warning("message_refused", error=error.message, way=ways[0], plain=plain)
            if is_unreadable(error) and not plain:
                plain = True
            elif len(ways) > 1:
                ways.pop(0)
            else:
                raise


async def _send(
    bot: Bot, chat_id: int, content: Content, way: str, *, plain: bool, **options: Any
) -> Message:
    bare = {"entities" if way == "text" else "caption_entities": None} if plain else {}
    if way == "text":
        return await bot.send_message(chat_id, **{**content.text.message(), **bare}, **options)
    words = {**content.caption.caption(), **bare}
    file = BufferedInputFile(content.png or b"", content.name)
    if way == "photo":
        return await bot.send_photo(chat_id, file, **words, **options)
    return await bot.send_document(chat_id, file, **words, **options)


async def renew(bot: Bot, chat_id: int, message_id: int, content: Content) -> bool:
    """Replace the words and buttons of a message; False if it is there no more.

    Whether it stands there with a picture or as a text is found out by trying, the likelier
    first: a picture may have been refused when it was sent.
    """
    place: dict[str, Any] = {"chat_id": chat_id, "message_id": message_id}
    edits: list[tuple[Callable[..., Awaitable[Any]], dict[str, Any]]] = [
        (bot.edit_message_caption, content.caption.caption()),
        (bot.edit_message_text, content.text.message()),
    ]
    for edit, words in edits if content.name else edits[::-1]:
        try:
            await edit(**place, **words)
        except TelegramBadRequest as error:
            if is_gone(error):
                return False
            if is_other_form(error):
                continue
            if not is_unchanged(error):
                raise
        return True
    return False


def is_unreadable(error: TelegramBadRequest | TelegramEntityTooLarge) -> bool:
    """Tell a text whose formatting is refused; "entity too large" speaks of the whole request."""
    return isinstance(error, TelegramBadRequest) and "entit" in error.message.lower()


def is_other_form(error: TelegramBadRequest) -> bool:
    """Tell an edit of a caption where there is a text, or of a text where there is a caption."""
    return "in the message to edit" in error.message.lower()
