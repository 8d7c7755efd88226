"""Hello, help, people, and whatever else was typed."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_data, views_runs
from bot.commands import rest_of, user_change, word_of
from bot.examples import examples
from bot.layout import View
from bot.people import change_role, everyone
from bot.replies import heard, say
from bot.texts import en
from flows.services import Services
from pipeline.domain.request import Actor

router = Router(name="system")
fallback = Router(name="fallback")


@router.message(Command("start", ignore_case=True))
async def start(message: Message, role: str, services: Services) -> None:
    """Greet."""
    await say(message, views_data.hello(role, await examples(services)))


@router.message(Command("help", ignore_case=True))
async def help_(message: Message, role: str) -> None:
    """List what the reader may do."""
    await say(message, views_data.help_text(role))


@router.message(Command("whoami", ignore_case=True))
async def whoami(message: Message, actor: Actor, role: str) -> None:
    """Tell id and role."""
    await say(message, views_runs.notice(en.whoami(actor.user_id or 0, role)))


@router.message(Command("users", ignore_case=True))
async def users(message: Message, actor: Actor, services: Services) -> None:
    """List people, or give or take a role."""
    rest = rest_of(message.text or "")
    change = user_change(rest)
    if change is not None:
        view: View = views_runs.notice(await change_role(change, actor, services))
    elif rest:
        view = views_runs.notice(en.USERS_HOW)
    else:
        view = views_data.users(await everyone(services))
    await say(message, view)


@fallback.message(F.chat.type == ChatType.PRIVATE)
async def other(message: Message) -> None:
    """Say what is understood; in groups, where people talk to each other, say nothing."""
    known = word_of(message.text or "") is None
    text = en.PHOTO_INSTEAD if message.photo else en.TALK if known else en.UNKNOWN_COMMAND
    await say(message, views_runs.notice(text))


@fallback.callback_query()
async def stale(press: CallbackQuery) -> None:
    """Answer a press whose data nobody understands."""
    await heard(press, en.STALE_BUTTON)
