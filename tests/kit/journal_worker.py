"""A keeper in a process of its own that writes what is owed, until it is killed.

Run as `python -m tests.kit.journal_worker DATABASE_URL NOTION_URL JOURNAL_DATABASE`.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from storage.database import open_database
from storage.journal_queue import SqlJournalQueue
from storage.notion import NotionJournal
from storage.notion_calls import NotionCalls
from tests.kit.notion import TOKEN

LEASE = timedelta(seconds=0.5)
FILES = {f"a/{n}.png": b"\x89PNG" + bytes([n]) for n in range(2)}


async def drain(url: str, notion: str, database: str) -> None:
    queue = SqlJournalQueue(open_database(url).engine)
    journal = NotionJournal(NotionCalls(TOKEN, notion, per_second=1000.0), database)
    while await queue.pending():
        for queued in await queue.claim(datetime.now(UTC), lease=LEASE):

            async def keep(state, queued=queued):
                assert await queue.note(queued, state, datetime.now(UTC), lease=LEASE)

            state = await journal.put(queued.entry, FILES, queued.state, datetime.now(UTC), keep)
            await queue.done(queued, state, datetime.now(UTC))
    await journal.close()


if __name__ == "__main__":
    asyncio.run(drain(*sys.argv[1:4]))
