"""/deployments: what is registered, paused, resumed, started now, added."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot.commands import rest_of
from bot.deployment_asking import asked, details, everything, named
from bot.keyboards_deployments import DeploymentCb, DeploymentsCb
from bot.launching import Launches
from bot.replies import heard, key_of, rewrite, say
from bot.texts import en_deployments as en
from flows.deployments import set_paused
from flows.services import Services
from pipeline.domain.request import Actor

router = Router(name="deployments")


@router.message(Command("deployments", ignore_case=True))
async def deployments(
    message: Message, actor: Actor, services: Services, launches: Launches
) -> None:
    """List them, or do what the words say."""
    words = rest_of(message.text or "").split()
    await say(message, await asked(words, actor, services, launches, key_of(message, "launch")))


@router.callback_query(DeploymentsCb.filter())
async def again(press: CallbackQuery, services: Services) -> None:
    """Show the list as it is now."""
    await heard(press)
    await rewrite(press, await everything(services))


@router.callback_query(DeploymentCb.filter())
async def pressed(
    press: CallbackQuery, callback_data: DeploymentCb, actor: Actor, services: Services,
    launches: Launches,
) -> None:  # fmt: skip
    """Show one, pause or resume it, or start it."""
    name, do = await named(callback_data, services), callback_data.do
    if do == "run":
        await heard(press)
        key = key_of(press, f"deployment:{callback_data.of}")
        await say(press, await launches.deployment(name, actor, key, press.id))
        return
    words = None
    if do in ("pause", "resume"):
        entry = await set_paused(name, actor, services, paused=do == "pause")
        words = en.changed(name, entry.status)
    await heard(press, words)
    await rewrite(press, await details(name, services))
