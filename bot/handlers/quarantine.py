"""Bars in quarantine: what waits, and an owner's word on it."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_fetch
from bot.commands import RANK, normalise
from bot.launching import Launches
from bot.layout import View
from bot.replies import say
from bot.texts import en
from flows.quarantine_desk import answer
from flows.quarantine_text import GROUPS_SHOWN
from flows.services import Services
from pipeline.domain.errors import BadRequestError, NotAllowedError
from pipeline.domain.request import Actor

router = Router(name="quarantine")
DECIDES = "owner"
_DECISIONS = {"accept", "accepted", "discard", "discarded"}


@router.message(Command("quarantine", ignore_case=True))
async def quarantine(
    message: Message, role: str, actor: Actor, services: Services, launches: Launches
) -> None:
    """List what waits, or decide on it."""
    await say(message, await shown(message.text or "", role, actor, services, launches))


async def shown(
    text: str, role: str, actor: Actor, services: Services, launches: Launches
) -> View:
    """Return what a /quarantine command shows, for an owner with buttons that decide."""
    may_decide = RANK.get(role, 0) >= RANK[DECIDES]
    text = normalise(text)
    if not may_decide and _DECISIONS & set(text.lower().split()):
        raise NotAllowedError(en.not_allowed(role, DECIDES))
    try:
        found = await answer(text, actor, services)
    except BadRequestError as error:
        return await launches.refused(error, text, actor)
    offers = []
    for group in found.groups[:GROUPS_SHOWN] if may_decide else ():
        for word in ("accept", "discard"):
            offer = en.quarantine_choice(word, group.symbol, group.timeframe, len(group.bars))
            wish = f"/quarantine {group.symbol} {group.timeframe} {word} seen={group.mark}"
            offers.append((offer, await launches.keep(wish, actor)))
    return views_fetch.waiting(found, offers)
