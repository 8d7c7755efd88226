"""Writing one page that is owed, by the outbox's rules, and telling where it is once it is there.

1. The journal is down or busy: again, for ever, with a growing pause or the one it names.
2. It refuses (token, rights, columns): given up until a person has it revived; owners are told the
   reason once a day.
3. A bug of ours: again, with the longest pause, and in the log.
4. The writer dies or loses its lease: the page comes back from its last kept step.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from flows.owners import notify_owners
from flows.services import Services
from pipeline.domain.errors import (
    AppError,
    DataError,
    JournalDownError,
    JournalRefusedError,
)
from pipeline.domain.journal import EntryKind, JournalEntry, PageState, QueuedEntry
from pipeline.domain.report import DeliveryKind
from storage.telemetry import get_logger

log = get_logger(__name__)
LEASE: Final = timedelta(minutes=3)
"""Longer than the longest call with its repeats: every step prolongs it."""
LONGEST_PAUSE: Final = 600.0


class LostLeaseError(AppError):
    """Another writer has the page by now."""


async def write_page(queued: QueuedEntry, services: Services) -> str:
    """Write a leased page, tell its link, mark it done; return its address.

    Raises
    ------
    JournalDownError, JournalRefusedError, LostLeaseError
        After it was given back, or given up.
    """
    try:
        state = await _written(queued, services)
        await _linked(queued.entry, state.url, services)
    except LostLeaseError:
        log.warning("journal_page_lost", key=queued.entry.key)
        raise
    except JournalRefusedError as error:
        await services.journal_queue.fail(queued, services.clock(), error.user_text)
        log.warning("journal_page_given_up", key=queued.entry.key, error=error.user_text,
                    **error.facts)  # fmt: skip
        await _tell_owners(error.user_text, services)
        raise
    except Exception as error:
        pause = pause_after(error, queued.attempts)
        what = error.user_text if isinstance(error, AppError) else type(error).__name__
        at = services.clock() + timedelta(seconds=pause)
        await services.journal_queue.retry(queued, at, what)
        log.warning("journal_page_retried", key=queued.entry.key, error=what, s=pause,
                    exc_info=None if isinstance(error, AppError) else error)  # fmt: skip
        raise
    await services.journal_queue.done(queued, state, services.clock())
    log.info("journal_page_written", key=queued.entry.key, blocks=state.blocks_done)
    return state.url


async def _written(queued: QueuedEntry, services: Services) -> PageState:
    queue, journal = services.journal_queue, services.journal
    if journal is None:
        raise JournalDownError("No journal is set up.", after=LONGEST_PAUSE)

    async def keep(state: PageState) -> None:
        if not await queue.note(queued, state, services.clock(), lease=LEASE):
            raise LostLeaseError("Another process writes this page.")

    files = await _files(queued.entry, services)
    return await journal.put(queued.entry, files, queued.state, services.clock(), keep)


async def _files(entry: JournalEntry, services: Services) -> Mapping[str, bytes]:
    """Return the pictures that are there: one may never have been drawn, or be forgotten."""
    files = {}
    for path in entry.pictures:
        with suppress(DataError):
            files[path] = await services.archive.get(path)
    return files


def pause_after(error: Exception, attempts: int) -> float:
    """Return the seconds until a page is tried again."""
    if not isinstance(error, AppError):
        return LONGEST_PAUSE
    grown = min(LONGEST_PAUSE, 2.0 * 2.0 ** min(attempts, 10))
    return max(float(error.facts.get("after") or 0.0), grown)


async def _linked(entry: JournalEntry, url: str, services: Services) -> None:
    """Tell where the page is: the alert by an edit, a run's chat by a line, once."""
    now = services.clock()
    if entry.kind is EntryKind.SIGNAL:
        record = await services.signals.get(entry.key)
        if record is not None and record.extra.get("link") != url:
            await services.signals.note_extra(entry.key, {"link": url}, now)
        return
    run = await services.runs.get(entry.key)
    # While it runs its own task tells the link; what that missed is told when the page is there.
    if run is None or run.actor.chat_id is None or not run.status.ended:
        return
    if (run.report.get("results_summary") or {}).get("notion_page_url") == url:
        return
    await services.outbox.put(
        run.actor.chat_id, DeliveryKind.NOTICE, {"text": f"Journal page of {entry.key}: {url}"},
        dedupe_key=f"journal:{entry.key}:{run.actor.chat_id}", now=now,
    )  # fmt: skip


async def _tell_owners(why: str, services: Services) -> None:
    digest = hashlib.sha256(why.encode()).hexdigest()[:12]
    day = services.clock().strftime("%Y-%m-%d")
    text = f"The journal can't be written. {why} Then: /journal retry"
    await notify_owners({"text": text}, f"journal_refused:{digest}:{day}", services)
