"""A run's task `notion_upload`: its page is owed, and written at once if the journal answers."""

import asyncio
from typing import Final

from flows.analyst_opinion import Analysed
from flows.backtest_compute import Found, Frozen, Tested
from flows.backtest_pictures import Pictures
from flows.backtest_steps import Ingested, Job
from flows.journal_entries import backtest_entry
from flows.journal_writing import LEASE, LostLeaseError, write_page
from flows.services import Services
from flows.tasks import SkipTaskError
from pipeline.domain.errors import AppError, JournalDownError
from pipeline.domain.request import Actor, Channel

SECONDS: Final = 20.0
"""So long a run waits for its page; later it is written without it."""
OWED: Final = "The page is owed: it will be written later, and its link told then."


class Page(Frozen):
    """Output of notion_upload."""

    url: str


def has_page(actor: Actor) -> bool:
    """Tell whether a run gets a page: one that a person asked for does, a schedule's doesn't."""
    return actor.channel is not Channel.SCHEDULE


async def notion_upload(
    job: Job,
    ingested: Ingested,
    found: Found,
    tested: Tested,
    pictures: Pictures | None,
    said: Analysed | None,
) -> Page:
    """Owe the run's page and write it.

    Raises
    ------
    SkipTaskError
        There is no journal, or the run was asked for by a schedule.
    JournalRefusedError
        It can't be written before a person has put something right.
    AppError
        It is owed and will be written later.
    """
    services = job.services
    if services.journal is None:
        raise SkipTaskError("no journal configured")
    if not has_page(job.run.actor):
        raise SkipTaskError("runs of a schedule have no page")
    entry = backtest_entry(job, ingested, found, tested, pictures, said)
    await services.journal_queue.owe(entry, services.clock())
    return Page(url=await _written(entry.key, services))


async def _written(key: str, services: Services) -> str:
    queue = services.journal_queue
    claimed = await queue.claim(services.clock(), lease=LEASE, key=key)
    if not claimed:
        page = await queue.page_of(key)
        if page is not None and page.url:
            return page.url
        raise AppError(OWED)
    try:
        async with asyncio.timeout(SECONDS):
            return await write_page(claimed[0], services)
    except TimeoutError:
        await queue.retry(claimed[0], services.clock(), "")  # it was cut off: nobody gave it back
        raise AppError(f"The journal is slow. {OWED}") from None
    except JournalDownError as error:
        raise AppError(f"{error.user_text} {OWED}") from None
    except LostLeaseError:
        raise AppError(OWED) from None
