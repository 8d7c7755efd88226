"""Services with a journal in a Notion of their own, whose pace costs no time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from flows.services import Services
from storage.notion import NotionJournal
from storage.notion_calls import NotionCalls
from tests.kit.notion import Notion, running_notion


class Pause:
    """Seconds that pass by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def with_journal(
    plain: Services, *, token: str = ""
) -> AsyncIterator[tuple[Services, Notion]]:
    """Give the services with a journal that is set up, and the Notion it is in."""
    pause = Pause()
    async with running_notion(now=plain.clock, monotonic=pause) as notion:
        journal = journal_in(notion, pause)
        found = await journal.check(make_in=notion.add_page("Trading"))
        assert found.ready, found
        if token:
            await journal.close()
            journal = journal_in(notion, pause, token=token)
        pause.now += 60
        notion.requests.clear()
        yield replace(plain, journal=journal), notion
        await journal.close()


def journal_in(notion: Notion, pause: Pause, token: str = "") -> NotionJournal:
    """A journal as a process that just started has it."""
    calls = NotionCalls(token or notion.token, notion.url, sleep=pause.sleep, monotonic=pause)
    return NotionJournal(calls, next(iter(notion.databases), ""))
