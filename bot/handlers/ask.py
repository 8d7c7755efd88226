"""/ask: questions over a backtest, by command, by the button, or in answer to a report."""

import asyncio
import re
from typing import Any

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_ask, views_runs
from bot.commands import normalise, rest_of, run_id_in
from bot.keyboards import AskCb
from bot.references import note_refusal
from bot.replies import heard, picture, say, seen
from flows.asking import ask
from flows.services import Services
from pipeline.domain.errors import BadRequestError

router = Router(name="ask")
_BACKTEST = re.compile(r"\bbt_\d{4}_\d{2}_\d{2}_\d{3,}\b")


@router.message(Command("ask", ignore_case=True))
async def asked(message: Message, services: Services) -> None:
    """Answer a question; the run is named in it or in the message that is answered."""
    words = normalise(rest_of(message.text or ""))
    about = run_id_in(words) or _of_reply(message)
    if not words and not about:
        await say(message, views_ask.usage())
        return
    question = words if run_id_in(words) else f"{about or ''} {words}"
    await _answer(message, question.strip(), services)


async def in_answer(message: Message) -> bool | dict[str, Any]:
    """Let through what is said in answer to a message of the bot about one backtest."""
    if not message.text or message.text.startswith("/"):
        return False
    run_id = _of_reply(message)
    return {"run_id": run_id} if run_id else False


@router.message(F.reply_to_message.from_user.is_bot, in_answer)
async def replied(message: Message, run_id: str, services: Services) -> None:
    """Answer a question that was put in answer to a report."""
    await _answer(message, f"{run_id} {normalise(message.text or '')}", services)


@router.callback_query(AskCb.filter())
async def ask_pressed(press: CallbackQuery, callback_data: AskCb) -> None:
    """Ask for the question."""
    await heard(press)
    await say(press, views_ask.invitation(callback_data.run_id))


async def _answer(message: Message, text: str, services: Services) -> None:
    try:
        answer, _ = await asyncio.gather(ask(text, services, message.chat.id), seen(message))
    except BadRequestError as error:
        who = message.from_user.id if message.from_user else None
        await say(message, views_runs.refused(error, [], note_refusal(error, who)))
        return
    await say(message, views_ask.answered(answer))
    if answer.png is not None:
        await picture(message, answer.png, "ask.png", views_ask.caption(answer))


def _of_reply(message: Message) -> str | None:
    """Return the one backtest that the answered message speaks of, or None."""
    told = message.reply_to_message
    text = (told.text or told.caption or "") if told is not None else ""
    ids = set(_BACKTEST.findall(text))
    return ids.pop() if len(ids) == 1 else None
