"""Sending everything about a signal, part by part; one that fails never hides the others."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeAlias

from aiogram.exceptions import AiogramError
from aiogram.types import CallbackQuery, Message

from bot import views_inspect as views
from bot.layout import View
from bot.references import note_fault, note_refusal
from bot.replies import album, chat_of, document, picture, say
from bot.texts import en as en_all
from bot.texts import en_inspect as en
from bot.views_runs import notice
from flows.inspecting import (
    Inspected,
    NearPicture,
    inspected,
    longer_picture,
    nearest_pictures,
    raw_values,
)
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LiveSignal

Event: TypeAlias = Message | CallbackQuery


class Inspections:
    """Signals on their way to chats, beside everything else: nobody's next press waits for them.

    No chat is shown the same signal twice at a time.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._under_way: dict[tuple[int | None, str], asyncio.Task[None]] = {}

    def busy(self, event: Event, signal_id: str) -> bool:
        """Tell whether the chat is being shown that signal."""
        return (chat_of(event), signal_id) in self._under_way

    async def begin(self, event: Event, record: LiveSignal) -> None:
        """Begin to show a signal: words at once, then pictures as they are drawn, then values."""
        if self.busy(event, record.signal_id):
            await say(event, notice(en.BUSY))
            return
        place = (chat_of(event), record.signal_id)
        task = asyncio.create_task(self._quietly(event, record))
        self._under_way[place] = task
        task.add_done_callback(lambda _: self._under_way.pop(place, None))

    async def drain(self, limit: float) -> None:
        """Let what is under way end, `limit` seconds at most."""
        tasks = list(self._under_way.values())
        if tasks:
            await asyncio.wait(tasks, timeout=limit)
        for task in tasks:
            task.cancel()

    async def _quietly(self, event: Event, record: LiveSignal) -> None:
        try:
            await self._show(event, record)
        except AppError as error:
            await _tell(event, notice(error.user_text, note_refusal(error, _who(event))))
        except Exception as error:  # noqa: BLE001  (nobody waits for this task)
            await _tell(event, notice(en_all.UNEXPECTED, note_fault(error, _who(event))))

    async def _show(self, event: Event, record: LiveSignal) -> None:
        services = self._services
        found = await inspected(record, services)
        drawn = asyncio.ensure_future(longer_picture(found, services))
        near = asyncio.ensure_future(nearest_pictures(found, services))
        try:
            await say(event, views.everything(found))
            await _part("longer", event, _longer(event, found, drawn))
            await _part("near", event, _near(event, found, near))
            await _part("raw", event, _raw(event, found, services))
        finally:
            drawn.cancel()
            near.cancel()


def _who(event: Event) -> int | None:
    return event.from_user.id if event.from_user else None


async def _tell(event: Event, view: View) -> None:
    with suppress(AiogramError):  # Telegram itself is what failed
        await say(event, view)


async def _part(name: str, event: Event, sending: Awaitable[None]) -> None:
    """Send one part; where it can't be had, say so."""
    try:
        await sending
    except AppError as error:
        await say(event, notice(en.missing(name, error.user_text)))
    except Exception as error:  # noqa: BLE001  (whatever it is, the other parts are good)
        reference = note_fault(error, _who(event))
        await say(event, notice(en.missing(name, en.failed(reference))))


async def _longer(event: Event, found: Inspected, drawn: Awaitable[bytes]) -> None:
    name = f"{found.record.signal_id}_longer.png"
    await picture(event, await drawn, name, views.longer(found))


async def _near(event: Event, found: Inspected, drawn: Awaitable[list[NearPicture]]) -> None:
    near = await drawn
    await say(event, views.near(found, near))
    await album(event, views.album(found, near))


async def _raw(event: Event, found: Inspected, services: Services) -> None:
    data = await raw_values(found, services)
    await document(event, data, f"{found.record.signal_id}.json", en.RAW)
