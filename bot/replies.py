"""Answering messages and presses: the few calls that all handlers share."""

from collections.abc import Sequence
from contextlib import suppress

from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InputMediaPhoto,
    Message,
    ReactionTypeEmoji,
)

from bot.layout import View
from bot.sending import is_gone, is_unchanged, send_photo


async def say(event: Message | CallbackQuery, view: View | None) -> None:
    """Send a view to the event's chat; None says nothing."""
    chat_id = chat_of(event)
    if view is not None and chat_id is not None and event.bot is not None:
        await event.bot.send_message(chat_id, **view.message())


async def picture(event: Message | CallbackQuery, data: bytes, name: str, view: View) -> None:
    """Send a picture with a caption and buttons."""
    chat_id = chat_of(event)
    if chat_id is not None and event.bot is not None:
        await send_photo(event.bot, chat_id, data, name, view)


async def document(
    event: Message | CallbackQuery, data: bytes, name: str, caption: str | None = None
) -> None:
    """Send bytes as they are."""
    chat_id = chat_of(event)
    if chat_id is not None and event.bot is not None:
        file = BufferedInputFile(data, name)
        await event.bot.send_document(chat_id, file, caption=caption, parse_mode=None)


async def album(event: Message | CallbackQuery, items: Sequence[InputMediaPhoto]) -> None:
    """Send pictures as one album, ten at most; one alone as a photo, none not at all."""
    chat_id = chat_of(event)
    if chat_id is None or event.bot is None or not items:
        return
    if len(items) == 1:
        (one,) = items
        await event.bot.send_photo(chat_id, one.media, caption=one.caption, parse_mode=None)
        return
    await event.bot.send_media_group(chat_id, list(items))


async def turn(event: CallbackQuery, data: bytes, name: str, view: View) -> None:
    """Put another picture in the message that was pressed on; a new one if it is gone."""
    if event.message is None or event.bot is None:
        return
    media = InputMediaPhoto(
        media=BufferedInputFile(data, name),
        caption=view.text,
        caption_entities=view.entities,
        parse_mode=None,
    )
    try:
        await event.bot.edit_message_media(
            media=media,
            chat_id=event.message.chat.id,
            message_id=event.message.message_id,
            reply_markup=view.keyboard,
        )
    except TelegramBadRequest as error:
        if is_gone(error):
            await picture(event, data, name, view)
        elif not is_unchanged(error):
            raise


async def rewrite(event: CallbackQuery, view: View) -> None:
    """Put another text in the message that was pressed on; a new one if it is gone."""
    if event.message is None or event.bot is None:
        return
    chat_id, message_id = event.message.chat.id, event.message.message_id
    try:
        await event.bot.edit_message_text(chat_id=chat_id, message_id=message_id, **view.message())
    except TelegramBadRequest as error:
        if is_gone(error):
            await say(event, view)
        elif not is_unchanged(error):
            raise


async def heard(event: CallbackQuery, text: str | None = None) -> None:
    """Answer a press at once, before the work; one too old to be answered is no failure."""
    with suppress(TelegramBadRequest):
        await event.answer(text)


async def seen(message: Message) -> None:
    """React to a message at once: its answer may have to wait for its place in the chat."""
    with suppress(AiogramError):
        await message.react([ReactionTypeEmoji(emoji="👀")])


def chat_of(event: Message | CallbackQuery) -> int | None:
    """Return the chat of a message or of the message pressed on, which may be long gone."""
    if isinstance(event, Message):
        return event.chat.id
    return event.message.chat.id if event.message else None


def key_of(event: Message | CallbackQuery, action: str) -> str:
    """Return chat:message:action, which tells one wish from the same wish arriving twice."""
    message = event if isinstance(event, Message) else event.message
    number = message.message_id if message else 0
    return f"launch:{chat_of(event)}:{number}:{action}"
