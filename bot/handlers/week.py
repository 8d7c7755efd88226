"""/week: what a week of signals made, by what was done about them."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_runs, views_week
from bot.commands import rest_of
from bot.references import note_refusal
from bot.replies import picture, say, seen
from flows.services import Services
from flows.weekly import week_asked
from pipeline.domain.errors import BadRequestError

router = Router(name="week")


@router.message(Command("week", ignore_case=True))
async def week(message: Message, services: Services) -> None:
    """Answer at once with the card, drawn and in words."""
    await seen(message)
    try:
        found = await week_asked(rest_of(message.text or ""), message.chat.id, services)
    except BadRequestError as error:
        who = message.from_user.id if message.from_user else None
        await say(message, views_runs.refused(error, [], note_refusal(error, who)))
        return
    if found.png is None:
        await say(message, views_week.nothing(found))
        return
    await picture(message, found.png, "week.png", views_week.card(found))
