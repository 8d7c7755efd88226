"""Bars: what is held, files sent to the bot, and the questions they raise."""

from typing import Any

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import views_data, views_runs
from bot.commands import normalise
from bot.importing import TELEGRAM_LIMIT, Answer, Pending, answer, bring_in, open_question
from bot.keyboards import AnswerCb
from bot.replies import heard, picture, say
from bot.texts import en
from flows.services import Services
from pipeline.domain.request import Actor

router = Router(name="data")


@router.message(Command("data", ignore_case=True))
async def data(message: Message, services: Services) -> None:
    """List the bars held."""
    await say(message, views_data.holdings(await services.bars.holdings()))


@router.message(Command("import", ignore_case=True))
async def how_to_import(message: Message) -> None:
    """Tell how to bring in bars."""
    await say(message, views_runs.notice(en.IMPORT_HOW))


@router.message(F.document)
async def file(message: Message, bot: Bot, actor: Actor, services: Services) -> None:
    """Take a file in."""
    sent = message.document
    if sent is None or (sent.file_size or 0) > TELEGRAM_LIMIT:
        size = (sent.file_size or 0) / 1e6 if sent else 0
        await say(message, views_runs.notice(en.file_too_large(size)))
        return
    await say(message, views_runs.notice(en.READING_FILE))
    pending = Pending(file_id=sent.file_id, name=sent.file_name or "bars.csv")
    await _show(message, await bring_in(pending, bot, services, actor))


@router.callback_query(AnswerCb.filter())
async def answer_pressed(
    press: CallbackQuery, callback_data: AnswerCb, bot: Bot, actor: Actor, services: Services
) -> None:
    """Go on with the answer on a button."""
    await heard(press)
    found = await answer(callback_data.token, callback_data.index, bot, services, actor)
    await _show(press, found)


async def asked(message: Message, actor: Actor, services: Services) -> bool | dict[str, Any]:
    """Let a text through that answers an open question."""
    if not message.text or message.text.startswith("/"):
        return False
    token = await open_question(actor, services)
    return {"token": token} if token else False


@router.message(asked)
async def answer_in_words(
    message: Message, token: str, bot: Bot, actor: Actor, services: Services
) -> None:
    """Go on with an answer in words, such as a symbol that no button has."""
    words = normalise(message.text or "")
    await _show(message, await answer(token, words, bot, services, actor))


async def _show(event: Message | CallbackQuery, found: Answer | None) -> None:
    if found is None:
        await say(event, views_runs.notice(en.STALE_BUTTON))
    elif found.png is None:
        await say(event, found.view)
    else:
        await picture(event, found.png, "coverage.png", found.view)
