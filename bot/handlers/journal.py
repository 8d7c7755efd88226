"""/journal: what the journal in Notion has, owes and gave up; one page; trying again."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from bot import views_journal, views_runs
from bot.commands import rest_of
from bot.layout import View
from bot.replies import say, seen
from bot.texts import en_journal as en
from flows.journal_desk import page_of, retry_pages, standing
from flows.services import Services
from pipeline.domain.errors import RequestError
from pipeline.domain.request import Actor

router = Router(name="journal")


@router.message(Command("journal", ignore_case=True))
async def journal(message: Message, actor: Actor, services: Services) -> None:
    """Show how it stands, link one page, or owe again what was given up."""
    await seen(message)
    rest = rest_of(message.text or "").strip()
    if not rest:
        view = views_journal.card(await standing(services))
    elif rest.lower() == "retry":
        view = await _retried(actor, services)
    else:
        view = views_journal.page(rest, await page_of(rest, services))
    await say(message, view)


async def _retried(actor: Actor, services: Services) -> View:
    try:
        return views_runs.notice(en.revived(await retry_pages(actor, services)))
    except RequestError as error:
        return views_runs.notice(error.user_text)
