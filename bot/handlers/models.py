"""/models and /ab: which version of a model is in use, and changing it."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_models
from bot.keyboards_models import ModelCb, ModelsCb
from bot.model_presses import compared, pressed
from bot.replies import heard, rewrite, say
from flows.model_list import model_lines
from flows.services import Services
from pipeline.domain.request import Actor

router = Router(name="models")
LONGEST = 200  # characters of an answer to a press


@router.message(Command("models", ignore_case=True))
async def models(message: Message, services: Services) -> None:
    """List all models with their versions."""
    await say(message, views_models.models(await model_lines(services)))


@router.callback_query(ModelsCb.filter())
async def again(press: CallbackQuery, services: Services) -> None:
    """Show the list as it is now."""
    await heard(press)
    await rewrite(press, views_models.models(await model_lines(services)))


@router.callback_query(ModelCb.filter())
async def changed(
    press: CallbackQuery, callback_data: ModelCb, actor: Actor, services: Services
) -> None:
    """Promote, shadow or roll back; a button that is too old changes nothing and says so."""
    answer = await pressed(callback_data, actor, services)
    await heard(press, answer.words[:LONGEST])
    await say(press, answer.view)


@router.message(Command("ab", ignore_case=True))
async def ab(message: Message, actor: Actor, services: Services) -> None:
    """Turn the comparison of champion and challenger on or off, or tell how it stands."""
    await say(message, await compared(message.text or "", actor, services))
