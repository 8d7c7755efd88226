"""Two backtests compared."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_compare, views_runs
from bot.commands import run_ids_in
from bot.replies import picture, say, seen
from bot.texts import en_compare
from flows.comparing import compare_runs
from flows.services import Services

router = Router(name="compare")


@router.message(Command("compare", ignore_case=True))
async def compare(message: Message, services: Services) -> None:
    """Compare the two named runs, in words and drawn."""
    named = run_ids_in(message.text or "")
    if len(named) != 2:  # noqa: PLR2004
        await say(message, views_runs.notice(en_compare.WHICH))
        return
    await seen(message)
    compared = await compare_runs(*named, services)
    await say(message, views_compare.comparison(compared.found))
    name = f"{named[0]}_{named[1]}.png"
    await picture(message, compared.png, name, views_compare.caption(compared.found))
