"""Plain words: a sentence is read as a command and shown; only a press starts anything."""

from typing import Any

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.types import Message

from bot import views_words
from bot.launching import Launches
from bot.replies import say
from flows.plain_words import Reading, read_sentence
from flows.services import Services
from pipeline.domain.request import Actor

router = Router(name="words")


async def understood(message: Message, actor: Actor, services: Services) -> bool | dict[str, Any]:
    """Let a sentence through in which something is recognised."""
    if not message.text or message.text.startswith("/"):
        return False
    reading = await read_sentence(message.text, actor, services)
    return {"reading": reading} if reading else False


@router.message(F.chat.type == ChatType.PRIVATE, understood)
async def sentence(message: Message, reading: Reading, actor: Actor, launches: Launches) -> None:
    """Show what was read and ask for a press; where something is missing, ask for that."""
    found = reading.understood
    if reading.problem is not None:
        await say(message, views_words.as_far_as(found, reading.note))
        await say(message, await launches.refused(reading.problem, found.command, actor))
    elif found.choices:
        offers = [(each, await launches.keep(each, actor)) for each in found.choices]
        await say(message, views_words.choice(found, offers, reading.note))
    else:
        looks = found.kind == "look"
        token = "" if looks else await launches.keep(found.command, actor)
        await say(message, views_words.confirmation(found, token, reading.note))
