"""Inspect and /signal: everything about one signal."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_inspect
from bot.commands import rest_of
from bot.inspecting import Inspections
from bot.keyboards_alert import InspectCb
from bot.replies import heard, say, seen
from bot.texts import en_inspect as en
from flows.inspecting import find_signal
from flows.services import Services
from pipeline.domain.errors import BadRequestError

router = Router(name="inspect")
_NEWEST = 10


@router.callback_query(InspectCb.filter())
async def inspect_pressed(
    press: CallbackQuery, callback_data: InspectCb, services: Services, inspections: Inspections
) -> None:
    """Show the signal of an alert, unless this chat is being shown it."""
    if inspections.busy(press, callback_data.signal_id):
        await heard(press, en.BUSY)
        return
    await heard(press, en.LOOKING)
    await inspections.begin(press, await find_signal(callback_data.signal_id, services))


@router.message(Command("signal", "signals", "inspect", ignore_case=True))
async def signal_asked(message: Message, services: Services, inspections: Inspections) -> None:
    """Show the named signal; without a name the newest ones to choose from."""
    words = rest_of(message.text or "")
    await seen(message)
    if not words:
        await say(message, views_inspect.newest(await services.signals.newest(_NEWEST)))
        return
    try:
        record = await find_signal(words, services)
    except BadRequestError as error:
        await say(message, views_inspect.refused(error))
        return
    await inspections.begin(message, record)
