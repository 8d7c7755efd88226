"""/logs: what all processes wrote about a run."""

import asyncio

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_logs, views_runs
from bot.commands import rest_of, run_id_in
from bot.replies import document, say, seen
from bot.texts import en_logs as en
from flows.run_logs import run_log
from flows.services import Services
from pipeline.domain.errors import RequestError

router = Router(name="logs")


@router.message(Command("logs", "log", ignore_case=True))
async def asked_logs(message: Message, services: Services) -> None:
    """Show the newest lines of the named run, and send all of them as a file."""
    run_id = run_id_in(rest_of(message.text or ""))
    if run_id is None:
        await say(message, views_runs.notice(en.USAGE))
        return
    await seen(message)
    try:
        found = await run_log(run_id, services)
    except RequestError as error:
        await say(message, views_runs.notice(error.user_text))
        return
    await say(message, views_logs.newest(run_id, found, services.settings.timezone))
    data = await asyncio.to_thread(views_logs.whole, found)
    await document(message, data, f"{run_id}.jsonl", en.caption(len(found.entries), cut=found.cut))
