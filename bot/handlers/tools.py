"""Tools: the list of detectors, and one in words and drawn."""

import structlog
from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_tools
from bot.commands import rest_of
from bot.keyboards import ToolCb
from bot.references import note_refusal
from bot.replies import heard, picture, say, seen
from flows.catalogue import tool_cards, tool_named, tool_picture
from flows.services import Services
from pipeline.domain.errors import BadRequestError
from pipeline.domain.tool_card import ToolCard

log = structlog.get_logger(__name__)
router = Router(name="tools")


@router.message(Command("tools", "tool", ignore_case=True))
async def tools(message: Message, services: Services) -> None:
    """List the tools, or show the named one."""
    await seen(message)
    word = rest_of(message.text or "")
    cards = await tool_cards(services)
    if not word:
        await say(message, views_tools.tools(cards))
        return
    try:
        await _show(message, tool_named(word, cards), services)
    except BadRequestError as error:
        who = message.from_user.id if message.from_user else None
        reference = note_refusal(error, who)
        await say(message, views_tools.no_tool(error.user_text, error.closest, reference))


@router.callback_query(ToolCb.filter())
async def tool_pressed(press: CallbackQuery, callback_data: ToolCb, services: Services) -> None:
    """Show the tool of a button."""
    await heard(press)
    await _show(press, tool_named(callback_data.name, await tool_cards(services)), services)


async def _show(event: Message | CallbackQuery, card: ToolCard, services: Services) -> None:
    await say(event, views_tools.tool(card))
    try:
        png = await tool_picture(card.name, services)
    except Exception as error:  # noqa: BLE001  (the words are there; the picture is extra)
        log.warning("tool_not_drawn", tool=card.name, error=repr(error))
        return
    await picture(event, png, f"{card.name}.png", views_tools.caption(card))
