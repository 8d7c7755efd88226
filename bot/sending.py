"""How each kind of delivery becomes Telegram messages; bytes always come from the archive."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import BufferedInputFile, InputMediaPhoto

from bot import views_runs
from bot.keyboards import troubled
from bot.keyboards_models import deployed
from bot.layout import View
from bot.reports import report_view
from pipeline.domain.report import Delivery, DeliveryKind
from storage.ports import Archive

log = structlog.get_logger(__name__)

EDIT_EVERY: Final = 2.0  # seconds between edits of one progress message
EDIT_EVERY_GROUP: Final = 6.0  # a group gets twenty messages and edits a minute in all
ALBUM_MOST: Final = 10

Ids = tuple[int, ...]
Send = Callable[[Delivery, int], Awaitable[Ids]]


class NotYetError(Exception):
    """A delivery's turn has not come; `at` says when to ask again."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.at = at


class Sender:
    """Sends one delivery to one chat and returns the message ids; raises what Telegram raises.

    Parameters
    ----------
    more
        How the kinds are sent that this file knows nothing of.
    """

    def __init__(
        self,
        bot: Bot,
        archive: Archive,
        more: Mapping[DeliveryKind, Send] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot = bot
        self._archive = archive
        self._board = ProgressBoard(bot, clock)
        self._kinds: dict[DeliveryKind, Send] = {
            DeliveryKind.PROGRESS: self._board.show,
            DeliveryKind.REPORT: self._report,
            DeliveryKind.PHOTO: self._photo,
            DeliveryKind.ALBUM: self._album,
            DeliveryKind.DOCUMENT: self._document,
            DeliveryKind.NOTICE: self._notice,
            **(more or {}),
        }

    async def send(self, delivery: Delivery, chat_id: int) -> Ids:
        """Send it, whatever its kind."""
        return await self._kinds[delivery.kind](delivery, chat_id)

    async def alive(self) -> bool:
        """Tell whether Telegram answers at all."""
        try:
            await self._bot.get_me(request_timeout=10)
        except AiogramError:
            return False
        return True

    async def _report(self, delivery: Delivery, chat_id: int) -> Ids:
        return await self._message(chat_id, report_view(delivery.payload["report"]))

    async def _notice(self, delivery: Delivery, chat_id: int) -> Ids:
        payload = delivery.payload
        view = views_runs.notice(str(payload["text"]), str(payload.get("reference") or ""))
        if in_use := payload.get("in_use"):
            back = deployed(in_use["model_id"], in_use["champion"], in_use["previous"])
            view = replace(view, keyboard=back)
        if runs := payload.get("runs"):
            found = [(str(each["run_id"]), bool(each["rerun"])) for each in runs]
            view = replace(view, keyboard=troubled(found))
        return await self._message(chat_id, view, silent=bool(payload.get("silent")))

    async def _message(self, chat_id: int, view: View, *, silent: bool = False) -> Ids:
        message = {**view.message(), "disable_notification": silent or None}
        try:
            sent = await self._bot.send_message(chat_id, **message)
        except TelegramBadRequest as error:
            if "entit" not in error.message.lower():
                raise
            log.warning("sent_without_entities", error=error.message)
            sent = await self._bot.send_message(chat_id, **{**message, "entities": None})
        return (sent.message_id,)

    async def _photo(self, delivery: Delivery, chat_id: int) -> Ids:
        path = str(delivery.payload["path"])
        view = views_runs.caption(str(delivery.payload.get("caption") or ""))
        data = await self._archive.get(path)
        return await send_photo(self._bot, chat_id, data, name_of(path), view)

    async def _album(self, delivery: Delivery, chat_id: int) -> Ids:
        items = delivery.payload["items"][:ALBUM_MOST]
        if len(items) == 1:
            return await self._photo(delivery.model_copy(update={"payload": items[0]}), chat_id)
        media: list[Any] = [await self._album_item(item) for item in items]
        sent = await self._bot.send_media_group(chat_id, media)
        return tuple(message.message_id for message in sent)

    async def _album_item(self, item: dict[str, Any]) -> InputMediaPhoto:
        path = str(item["path"])
        file = BufferedInputFile(await self._archive.get(path), name_of(path))
        text = views_runs.caption(str(item.get("caption") or "")).text
        return InputMediaPhoto(media=file, caption=text, parse_mode=None)

    async def _document(self, delivery: Delivery, chat_id: int) -> Ids:
        payload = delivery.payload
        path = str(payload["path"])
        name = str(payload.get("filename") or name_of(path))
        file = BufferedInputFile(await self._archive.get(path), name)
        view = views_runs.caption(str(payload.get("caption") or ""))
        sent = await self._bot.send_document(
            chat_id, file, **view.caption(), disable_content_type_detection=True
        )
        return (sent.message_id,)


def is_first_alert(delivery: Delivery) -> bool:
    """Tell an alert that its chat has not seen; later ones are edits."""
    return delivery.kind is DeliveryKind.ALERT and not delivery.message_ids


def parts_of(delivery: Delivery) -> int:
    """Return how many messages a delivery becomes."""
    items = delivery.payload.get("items") or (None,)
    return len(items[:ALBUM_MOST]) if delivery.kind is DeliveryKind.ALBUM else 1


def name_of(path: str) -> str:
    """Return the file name of an archive path."""
    return PurePosixPath(path).name


async def send_photo(bot: Bot, chat_id: int, data: bytes, name: str, view: View) -> Ids:
    """Send a picture; as a document where Telegram won't have it as a photo."""
    file = BufferedInputFile(data, name)
    try:
        sent = await bot.send_photo(chat_id, file, **view.caption())
    except TelegramBadRequest as error:
        if "photo" not in error.message.lower() and "image" not in error.message.lower():
            raise
        log.warning("photo_as_document", error=error.message)
        sent = await bot.send_document(chat_id, file, **view.caption())
    return (sent.message_id,)


class ProgressBoard:
    """One message for each run, edited in place, at most every two seconds (groups: six).

    A state that comes too soon is shown when its time has come, unless a newer one replaces it.
    The final state waits for nothing.
    """

    def __init__(self, bot: Bot, clock: Callable[[], float]) -> None:
        self._bot = bot
        self._clock = clock
        self._shown: dict[str, float] = {}
        self._later: dict[str, _Later] = {}

    async def show(self, delivery: Delivery, chat_id: int) -> Ids:
        """Show a state now or soon; return the message's id."""
        key, final = delivery.dedupe_key, bool(delivery.payload.get("final"))
        if later := self._later.pop(key, None):
            await later.drop()
        pause = EDIT_EVERY_GROUP if chat_id < 0 else EDIT_EVERY
        wait = self._shown.get(key, -pause) + pause - self._clock()
        if wait > 0 and delivery.message_ids and not final:
            self._later[key] = _Later(wait, lambda: self._edit_quietly(delivery, chat_id))
            return delivery.message_ids
        ids = await self._write(delivery, chat_id)
        if final:
            self._shown.pop(key, None)
        return ids

    async def _write(self, delivery: Delivery, chat_id: int) -> Ids:
        view = views_runs.progress(delivery.payload)
        self._shown[delivery.dedupe_key] = self._clock()
        if delivery.message_ids:
            if await self._edited(view, chat_id, delivery.message_ids[0]):
                return delivery.message_ids
            log.info("progress_message_gone", chat_id=chat_id)
        sent = await self._bot.send_message(chat_id, **view.message(), disable_notification=True)
        return (sent.message_id,)

    async def _edited(self, view: View, chat_id: int, message_id: int) -> bool:
        """Edit; False if there is no such message to edit any more."""
        try:
            await self._bot.edit_message_text(
                chat_id=chat_id, message_id=message_id, **view.message()
            )
        except TelegramBadRequest as error:
            if is_unchanged(error):
                return True
            if is_gone(error):
                return False
            raise
        return True

    async def _edit_quietly(self, delivery: Delivery, chat_id: int) -> None:
        self._shown[delivery.dedupe_key] = self._clock()
        view = views_runs.progress(delivery.payload)
        try:
            await self._edited(view, chat_id, delivery.message_ids[0])
        except AiogramError as error:
            log.info("progress_edit_skipped", error=type(error).__name__)


class _Later:
    """A call after a pause, which can be dropped only before it has begun."""

    def __init__(self, wait: float, call: Callable[[], Awaitable[None]]) -> None:
        self._begun = False
        self._task = asyncio.create_task(self._run(wait, call))

    async def _run(self, wait: float, call: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(wait)
        self._begun = True
        await call()

    async def drop(self) -> None:
        """Prevent the call, or wait for its end: a late edit must not cover a newer one."""
        if not self._begun:
            self._task.cancel()
        await asyncio.wait([self._task])


def is_unchanged(error: TelegramBadRequest) -> bool:
    """Tell an edit that changed nothing, which is as good as done."""
    return "message is not modified" in error.message.lower()


def is_gone(error: TelegramBadRequest) -> bool:
    """Tell an edit of a message that was deleted or has become too old."""
    text = error.message.lower()
    return "message to edit not found" in text or "message can't be edited" in text
