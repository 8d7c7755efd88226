"""Sources of past bars: which there are, which is asked for a symbol, what they say of it."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_fetch
from bot.commands import RANK, normalise
from bot.launching import Launches
from bot.layout import View
from bot.replies import say
from bot.texts import en
from flows.instrument_desk import info
from flows.services import Services
from flows.source_desk import answer
from pipeline.domain.errors import BadRequestError, NotAllowedError
from pipeline.domain.request import Actor

router = Router(name="sources")
CHANGES = "trader"


@router.message(Command("source", "sources", ignore_case=True))
async def source(
    message: Message, role: str, actor: Actor, services: Services, launches: Launches
) -> None:
    """List the sources, or choose for a symbol."""
    await say(message, await shown(message.text or "", role, actor, services, launches))


async def shown(
    text: str, role: str, actor: Actor, services: Services, launches: Launches
) -> View:
    """Return what a /source command shows, with a button for each source that may be chosen."""
    may_change = RANK.get(role, 0) >= RANK[CHANGES]
    text = normalise(text)
    if len(text.split()) > 2 and not may_change:  # noqa: PLR2004  (command, symbol, choice)
        raise NotAllowedError(en.not_allowed(role, CHANGES))
    try:
        found = await answer(text, actor, services, may_change=may_change)
    except BadRequestError as error:
        return await launches.refused(error, text, actor)
    offers = []
    if found.symbol and may_change:
        names = [x.card.name for x in found.listed if x.symbol is not None and not x.card.lacks]
        words = [*names, *(["auto"] if found.chosen else [])]
        wanted = [word for word in words if word not in found.chosen]
        offers = [
            (en.source_choice(word), await launches.keep(f"/source {found.symbol} {word}", actor))
            for word in wanted
        ]
    return views_fetch.sources(found, offers)


@router.message(Command("info", ignore_case=True))
async def instrument(
    message: Message, actor: Actor, services: Services, launches: Launches
) -> None:
    """Tell what we and the sources know of a symbol."""
    text = normalise(message.text or "")
    try:
        view = views_fetch.info(await info(text, services))
    except BadRequestError as error:
        view = await launches.refused(error, text, actor)
    await say(message, view)
