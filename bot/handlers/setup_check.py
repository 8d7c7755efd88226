"""Setup files sent to the bot: checked, tried on held bars, and added at a tap."""

from typing import Any

from aiogram import Bot, Router
from aiogram.types import CallbackQuery, Document, Message

from bot import views_setup_check
from bot.commands import is_setup_check, rest_of
from bot.keyboards import AddSetupCb
from bot.references import note_refusal
from bot.replies import heard, picture, say, seen
from bot.setup_checking import accept, checked_file, is_setup_file
from bot.texts import en_setup_check
from flows.services import Services
from flows.setup_check import Checked, added_words
from pipeline.domain.errors import SetupError
from pipeline.domain.request import Actor

router = Router(name="setup_check")


async def sent(message: Message) -> bool | dict[str, Any]:
    """Let a setup file through, and /setup check behind, above or in answer to one."""
    words = message.text or message.caption or ""
    asked = is_setup_check(words)
    answered = message.reply_to_message.document if message.reply_to_message else None
    file = message.document or (answered if asked else None)
    if not asked and not is_setup_file(message.document):
        return False
    reason = rest_of(words).partition(" ")[2].strip() if asked else ""
    return {"file": file, "reason": reason}


@router.message(sent)
async def check(
    message: Message, file: Document | None, reason: str, bot: Bot, actor: Actor,
    services: Services,
) -> None:  # fmt: skip
    """Say what is wrong, or what it would have done; offer to add it."""
    if file is None:
        await say(message, views_setup_check.how())
        return
    await seen(message)
    try:
        found, token = await checked_file(file, reason, bot, actor, services)
    except SetupError as error:
        reference = note_refusal(error, actor.user_id)
        await say(message, views_setup_check.wrong(error, reference))
        return
    await _show(message, found, (token, reason), actor)


async def _show(
    message: Message, found: Checked, offered: tuple[str | None, str], actor: Actor
) -> None:
    await say(message, views_setup_check.checked(found))
    if found.tried is None:
        return
    for n, (png, words) in enumerate(found.tried.charts, start=1):
        await picture(message, png, f"example_{n}.png", views_setup_check.example(words))
    token, reason = offered
    view = views_setup_check.offer(found, token, actor, reason)
    await picture(message, found.tried.funnel, "funnel.png", view)


@router.callback_query(AddSetupCb.filter())
async def add_pressed(
    press: CallbackQuery, callback_data: AddSetupCb, bot: Bot, actor: Actor, services: Services
) -> None:
    """Add the file that was checked."""
    await heard(press, en_setup_check.CHECKING)
    version = await accept(callback_data.token, bot, actor, services)
    await say(press, views_setup_check.added(added_words(version)))
