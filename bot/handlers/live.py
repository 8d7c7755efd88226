"""/live: what this chat watches and how alerts come; /health: whether everything works."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import live_settings, views_live
from bot.keyboards_live import LiveSeeCb, LiveSetCb
from bot.launching import Launches
from bot.replies import chat_of, heard, rewrite, say, seen
from flows.health import health
from flows.services import Services
from flows.watching import watch_of
from pipeline.domain.request import Actor

router = Router(name="live")


@router.message(Command("live", ignore_case=True), F.text.func(live_settings.is_settings))
async def live(
    message: Message, role: str, actor: Actor, services: Services, launches: Launches
) -> None:
    """Show how things stand, or change them; a replay is launched like any run."""
    text = message.text or ""
    await say(message, await live_settings.answer(text, role, actor, services, launches))


@router.callback_query(LiveSeeCb.filter())
async def turned(
    press: CallbackQuery, callback_data: LiveSeeCb, actor: Actor, services: Services,
    launches: Launches,
) -> None:  # fmt: skip
    """Turn the card to a page."""
    await heard(press)
    await rewrite(press, await live_settings.page(callback_data, actor, services, launches))


@router.callback_query(LiveSetCb.filter())
async def changed(
    press: CallbackQuery, callback_data: LiveSetCb, actor: Actor, services: Services,
    launches: Launches,
) -> None:  # fmt: skip
    """Change what the button says, and show it on the card."""
    view = await live_settings.pressed(callback_data, actor, services, launches)
    await heard(press)
    await rewrite(press, view)


@router.message(Command("health", ignore_case=True))
async def asked_health(message: Message, services: Services) -> None:
    """Look at everything and tell it in one message."""
    await seen(message)
    watch = await watch_of(chat_of(message) or 0, services)
    await say(message, views_live.health(await health(services, watch.zone)))
