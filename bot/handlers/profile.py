"""A suggestion of a rule profile, tried at a tap."""

from aiogram import Router
from aiogram.types import CallbackQuery

from bot.keyboards import TryCb
from bot.launching import Launches
from bot.replies import heard, say
from bot.texts import en_profile
from pipeline.domain.request import Actor

router = Router(name="profile")


@router.callback_query(TryCb.filter())
async def try_pressed(
    press: CallbackQuery, callback_data: TryCb, actor: Actor, launches: Launches
) -> None:
    """Make the draft and test it; a second tap, whoever's, makes no second one."""
    await heard(press, en_profile.TRYING)
    run_id, number = callback_data.run_id, callback_data.number
    key = f"try:{run_id}:{number}"
    await say(press, await launches.start(f"/profile try {run_id} {number}", actor, key, "once"))
