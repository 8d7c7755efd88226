"""/schedule and /schedules: what is asked by itself, when, and changing it by buttons."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_runs, views_schedules
from bot.commands import rest_of
from bot.keyboards import digest
from bot.keyboards_schedules import ScheduleCb
from bot.references import note_refusal
from bot.replies import heard, rewrite, say, seen
from bot.texts import en_schedules as en
from flows import schedule_desk as desk
from flows.services import Services
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Actor

router = Router(name="schedules")


@router.message(Command("schedule", ignore_case=True))
async def schedule(message: Message, actor: Actor, services: Services) -> None:
    """Keep a new schedule, or tell how one is written."""
    text = rest_of(message.text or "")
    if not text:
        await say(message, views_schedules.how())
        return
    await seen(message)
    try:
        view = views_schedules.kept(await desk.make_schedule(text, actor, services))
    except BadRequestError as error:
        view = views_runs.refused(error, [], note_refusal(error, actor.user_id))
    await say(message, view)


@router.message(Command("schedules", ignore_case=True))
async def schedules(message: Message, actor: Actor, services: Services) -> None:
    """List all."""
    await say(message, views_schedules.schedules(await desk.lines(actor, services)))


@router.callback_query(ScheduleCb.filter())
async def pressed(
    press: CallbackQuery, callback_data: ScheduleCb, actor: Actor, services: Services
) -> None:
    """Do what the button says and show the list as it is then."""
    found = await desk.lines(actor, services)
    line = next((one for one in found if digest(one.schedule.name) == callback_data.name), None)
    if line is None:
        await heard(press, en.GONE)
    elif callback_data.do == "delete":
        await heard(press)
        await say(press, views_schedules.really(line))
    else:
        await _do(callback_data, line.schedule.name, press, actor, services)


async def _do(
    asked: ScheduleCb, name: str, press: CallbackQuery, actor: Actor, services: Services
) -> None:
    if asked.do in ("pause", "resume"):
        await desk.set_paused(name, actor, services, paused=asked.do == "pause")
    elif asked.do == "gone":
        await desk.delete(name, actor, services)
    else:
        done = await desk.run_now(name, actor, services)
        if done.outcome != "launched":
            raise BadRequestError(f"{name}: {done.reason}.", field="name", value=name)
    await heard(press, en.done(asked.do, name))
    if asked.do == "gone":
        await say(press, views_runs.notice(en.done(asked.do, name)))
    elif asked.do != "run":
        await rewrite(press, views_schedules.schedules(await desk.lines(actor, services)))
