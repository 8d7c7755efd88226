"""/why: why there was a signal or none, at a moment, on a day or in a period."""

import asyncio

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_runs, views_why
from bot.commands import normalise, rest_of
from bot.references import note_refusal
from bot.replies import picture, say, seen
from flows.inspecting import find_signal
from flows.services import Services
from flows.why import why
from flows.why_live import is_signal, why_signal
from pipeline.domain.errors import BadRequestError

router = Router(name="why")


@router.message(Command("why", ignore_case=True))
async def asked_why(message: Message, services: Services) -> None:
    """Answer at once: the gates or the funnel in words, then the picture."""
    words, chat = rest_of(message.text or ""), message.chat.id
    if not words:
        await say(message, views_why.usage())
        return
    try:
        if is_signal(words):
            record = await find_signal(words, services)
            await say(message, views_why.decision(await why_signal(record, services, chat)))
            return
        asking = why(normalise(words), services, chat)
        answers, _ = await asyncio.gather(asking, seen(message))
    except BadRequestError as error:
        who = message.from_user.id if message.from_user else None
        await say(message, views_runs.refused(error, [], note_refusal(error, who)))
        return
    if len(answers) > 1:
        await say(message, views_why.in_short(answers))
        return
    (answer,) = answers
    await say(message, views_why.explained(answer))
    if answer.png is not None:
        await picture(message, answer.png, "why.png", views_why.caption(answer))
