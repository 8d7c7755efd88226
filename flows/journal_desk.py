"""How the journal stands, in words, and what people may do about it: check, set up, retry."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from flows.roles import check_role
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import AppError, RequestError
from pipeline.domain.journal import JournalCheck, JournalStanding, PageState
from pipeline.domain.request import Actor

SEEN = "journal:seen"
"""Where the keeper notes when it last looked."""
_LIVES = timedelta(minutes=10)
NOT_SET_UP = (
    "There is no journal: NOTION_TOKEN is not set. docs/journal.md tells how to make one in three"
    " steps."
)


class Standing(BaseModel):
    """How the journal stands. `why`: why nothing is written at all; `url` "": not known."""

    model_config = ConfigDict(frozen=True)

    why: str = ""
    url: str = ""
    pages: JournalStanding


async def standing(services: Services) -> Standing:
    """Return how the journal stands by our own records; Notion isn't asked."""
    settings, pages = services.settings, await services.journal_queue.standing()
    if services.journal is None and not await _is_kept(services):
        return Standing(why=NOT_SET_UP, pages=pages)
    if not settings.notion_database:
        why = "NOTION_DATABASE is not set: scout notion setup PAGE makes the database."
        return Standing(why=why, pages=pages)
    number = settings.notion_database
    url = number if number.startswith("https://") else f"https://www.notion.so/{number}"
    return Standing(url=url, pages=pages)


async def _is_kept(services: Services) -> bool:
    """Tell whether another process keeps the journal: not every one has its token."""
    kept = await services.chats.recall(SEEN)
    if kept is None:
        return False
    return services.clock() - datetime.fromisoformat(str(kept["at"])) < _LIVES


async def page_of(key: str, services: Services) -> PageState | None:
    """Return the page of a run or signal."""
    return await services.journal_queue.page_of(key)


async def retry_pages(actor: Actor, services: Services) -> int:
    """Owe all that was given up again; return how many pages that are.

    Raises
    ------
    NotAllowedError
        The person is no owner.
    """
    try:
        await check_role("owner", actor, services)
    except AppError as error:
        await write_trail(services, actor, "journal_retry", {}, refusal=error)
        raise
    revived = await services.journal_queue.revive(services.clock())
    await write_trail(services, actor, "journal_retry", {"pages": revived})
    return revived


async def check_journal(services: Services, *, make_in: str = "") -> JournalCheck:
    """Ask Notion what works; with `make_in` make the database in that page first.

    What was given up is owed again once nothing is wrong.

    Raises
    ------
    RequestError
        No token is set.
    JournalDownError
        Notion doesn't answer.
    """
    if services.journal is None:
        raise RequestError(NOT_SET_UP)
    found = await services.journal.check(make_in=make_in)
    if found.ready and services.settings.notion_database:
        revived = await services.journal_queue.revive(services.clock())
        found = found.model_copy(update={"facts": {**found.facts, "revived": revived}})
    return found


def check_lines(found: JournalCheck, kept: str | None) -> Iterator[str]:
    """Tell a check step by step; `kept` is the database that is set."""
    for step in found.facts.get("can", ()):
        yield f"✓ {step}"
    for thing in found.made:
        yield f"+ made: {thing}"
    for lack in found.missing:
        yield f"✗ {lack}"
    if found.url:
        yield f"  {found.url}"
    if found.database_id and found.database_id not in (kept or "").replace("-", ""):
        yield f"Now set NOTION_DATABASE={found.database_id} and start Setup Scout again."
    if revived := found.facts.get("revived"):
        yield f"{revived} pages that were given up are owed again."


def standing_lines(found: Standing) -> Iterator[str]:
    """Tell the counts and the troubles."""
    pages = found.pages
    yield f"{pages.written} written, {pages.owed} owed, {pages.given_up} given up."
    if pages.oldest_owed is not None:
        yield f"The oldest is owed since {pages.oldest_owed:%Y-%m-%d %H:%M} UTC."
    for trouble in pages.troubles:
        what = "given up" if trouble.given_up else f"again after {trouble.due_at:%H:%M} UTC"
        yield f"{trouble.key} ({what}): {trouble.error}"
