"""Runs: launching, following, stopping; looking at a backtest's trades."""

import asyncio

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import live_settings, views_runs
from bot.commands import run_id_in, word_of
from bot.handlers import quarantine, sources
from bot.keyboards import CancelCb, ChangeCb, CommandCb, OriginalCb, RerunCb, RunCb, TradeCb
from bot.launching import Launches, is_old
from bot.layout import View
from bot.replies import document, heard, key_of, picture, say, seen, turn
from bot.reports import report_view
from bot.sending import name_of
from bot.texts import en
from flows import control
from flows.backtest import trade_picture
from flows.services import Services
from flows.stories import STORIES
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Actor, Run, RunStatus

router = Router(name="runs")


@router.message(Command(*(story.command for story in STORIES.values()), ignore_case=True))
async def launch(message: Message, actor: Actor, services: Services, launches: Launches) -> None:
    """Launch what the command asks for, or ask first if it waited for long."""
    text = message.text or ""
    if is_old(message.date, services.clock()):
        await say(message, views_runs.old_command(text, await launches.keep(text, actor)))
        return
    launching = launches.start(text, actor, key_of(message, "launch"))
    view, _ = await asyncio.gather(launching, seen(message))
    await say(message, view)


@router.callback_query(CommandCb.filter())
async def kept_command(
    press: CallbackQuery, callback_data: CommandCb, role: str, actor: Actor, services: Services,
    launches: Launches,
) -> None:  # fmt: skip
    """Run the command that a button stands for."""
    text = await launches.kept(callback_data.token, actor)
    await heard(press, None if text else en.STALE_BUTTON)
    if text is None:
        return
    key = key_of(press, callback_data.token)
    if text.startswith("/rerun"):
        await say(press, await launches.rerun(run_id_in(text) or "", actor, key, press.id))
    elif live_settings.is_settings(text):
        await say(press, await live_settings.answer(text, role, actor, services, launches))
    elif word_of(text) == "source":
        await say(press, await sources.shown(text, role, actor, services, launches))
    elif word_of(text) == "quarantine":
        await say(press, await quarantine.shown(text, role, actor, services, launches))
    else:
        await say(press, await launches.start(text, actor, key, press.id))


@router.message(Command("rerun", ignore_case=True))
async def rerun(message: Message, actor: Actor, services: Services, launches: Launches) -> None:
    """Run a run again, from where it stopped."""
    text = message.text or ""
    run_id = run_id_in(text)
    if run_id is None:
        await say(message, views_runs.notice(en.RERUN_WHICH))
    elif is_old(message.date, services.clock()):
        await say(message, views_runs.old_command(text, await launches.keep(text, actor)))
    else:
        await seen(message)
        await say(message, await launches.rerun(run_id, actor, key_of(message, "rerun")))


@router.callback_query(RerunCb.filter())
async def rerun_pressed(
    press: CallbackQuery, callback_data: RerunCb, actor: Actor, launches: Launches
) -> None:
    """Run it again."""
    await heard(press)
    key = key_of(press, "rerun")
    await say(press, await launches.rerun(callback_data.run_id, actor, key, press.id))


@router.message(Command("cancel", ignore_case=True))
async def cancel(message: Message, actor: Actor, services: Services) -> None:
    """Stop the named run, or the only one that is active."""
    run_id = run_id_in(message.text or "")
    active = [] if run_id else await _active(services)
    run_id = active[0].run_id if len(active) == 1 else run_id
    if run_id is None:
        await say(message, views_runs.notice(en.CANCEL_WHICH if active else en.NOTHING_ACTIVE))
        return
    run = await control.cancel(run_id, actor, services)
    await say(message, views_runs.notice(f"{en.CANCELLING} {run.run_id}"))


@router.callback_query(CancelCb.filter())
async def cancel_pressed(
    press: CallbackQuery, callback_data: CancelCb, actor: Actor, services: Services
) -> None:
    """Stop it; its progress message tells when it has stopped."""
    await heard(press, en.CANCELLING)
    await control.cancel(callback_data.run_id, actor, services)


@router.message(Command("runs", ignore_case=True))
async def runs(message: Message, services: Services) -> None:
    """List the newest runs."""
    await say(message, views_runs.runs(await services.runs.newest(10)))


@router.message(Command("status", ignore_case=True))
async def status(message: Message, services: Services) -> None:
    """Tell how far a run is: the named one, else the active ones, else the newest."""
    run_id = run_id_in(message.text or "")
    if run_id:
        found = [await _run(run_id, services)]
    else:
        found = await _active(services) or await services.runs.newest(1)
    for run in found[:3]:
        await say(message, await _status(run, services))
    if not found:
        await say(message, views_runs.runs([]))


@router.callback_query(RunCb.filter())
async def run_pressed(press: CallbackQuery, callback_data: RunCb, services: Services) -> None:
    """Show a run: its report if it has one."""
    await heard(press)
    run = await _run(callback_data.run_id, services)
    await say(press, _report(run) or await _status(run, services))


@router.callback_query(ChangeCb.filter())
async def change(
    press: CallbackQuery,
    callback_data: ChangeCb,
    actor: Actor,
    services: Services,
    launches: Launches,
) -> None:
    """Offer variants of a run."""
    await heard(press)
    run = await _run(callback_data.run_id, services)
    await say(press, await launches.variants(run, actor))


@router.callback_query(TradeCb.filter())
async def trade(press: CallbackQuery, callback_data: TradeCb, services: Services) -> None:
    """Show one trade's picture, in a new message or in place of the one pressed on."""
    await heard(press, en.DRAWING)
    run_id, index = callback_data.run_id, callback_data.index
    data, facts = await trade_picture(run_id, index, services)
    view = views_runs.trade_caption(run_id, index, facts)
    show = turn if callback_data.turn else picture
    await show(press, data, f"{run_id}_{index + 1}.png", view)


@router.callback_query(OriginalCb.filter())
async def original(press: CallbackQuery, callback_data: OriginalCb, services: Services) -> None:
    """Send a picture as it was drawn, without Telegram's shrinking."""
    await heard(press, en.SENDING)
    run_id, index = callback_data.run_id, callback_data.index
    if index >= 0:
        data, _ = await trade_picture(run_id, index, services)
        await document(press, data, f"{run_id}_{index + 1}.png")
        return
    files = [a for a in await services.archive.of_run(run_id) if a.role in ("equity", "research")]
    if not files:
        raise BadRequestError(en.NO_PICTURE, field="run_id", value=run_id)
    await document(press, await services.archive.get(files[-1].path), name_of(files[-1].path))


async def _active(services: Services) -> list[Run]:
    running = await services.runs.newest(10, status=RunStatus.RUNNING)
    return [*running, *await services.runs.newest(10, status=RunStatus.QUEUED)]


async def _run(run_id: str, services: Services) -> Run:
    run = await services.runs.get(run_id)
    if run is None:
        raise BadRequestError(en.NO_SUCH_RUN, field="run_id", value=run_id)
    return run


async def _status(run: Run, services: Services) -> View:
    queued = run.status is RunStatus.QUEUED
    place = await control.place_in_queue(run.run_id, services) if queued else None
    return views_runs.status(run, place)


def _report(run: Run) -> View | None:
    return report_view(run.report) if run.report else None
