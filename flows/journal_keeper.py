"""Keeping the journal: owes pages of what people did, writes what is owed, takes ticks back.

Any number of processes may keep it. What is owed follows from runs and signals as they are kept,
so a process that dies between an answer and its page loses nothing: the next look finds it.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from flows.journal_desk import SEEN
from flows.journal_entries import run_entry, signal_entry
from flows.journal_task import has_page
from flows.journal_ticks import take_ticks
from flows.journal_writing import LEASE, LostLeaseError, write_page
from flows.services import Services
from flows.stories import run_title
from pipeline.domain.errors import AppError, JournalDownError, JournalRefusedError
from pipeline.domain.request import Run, RunStatus
from storage.telemetry import get_logger

log = get_logger(__name__)
POLL: Final = 2.0
OVERLAP: Final = timedelta(minutes=2)
"""So much is looked at again: hosts' clocks differ, and what began earlier may end later."""
REST: Final = timedelta(minutes=10)
"""So much later ticks are read again after the journal did not answer."""
MARK_EVERY: Final = timedelta(minutes=1)
OWE_EVERY, TICKS_EVERY = timedelta(seconds=5), timedelta(minutes=1)
FLOWS: Final = frozenset({"sweep_flow", "walkforward_flow", "batch_flow", "verify_flow",
                          "train_model_flow"})  # fmt: skip
"""Runs besides backtests that have a page; a backtest owes its own."""
_NEWEST: Final = 50


class JournalKeeper:
    """The journal's keeper in one process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._done: dict[str, datetime] = {}

    async def keep(self) -> None:
        """Keep it until cancelled; without a journal there is nothing to do."""
        if self._services.journal is None:
            return
        while True:
            try:
                await self.look()
            except AppError as error:
                log.warning("journal_not_kept", error=error.user_text)
            except Exception:
                log.exception("journal_not_kept")
            await asyncio.sleep(POLL)

    async def look(self) -> int:
        """Do what is due; return how many pages were written."""
        now = self._services.clock()
        if self._is_due("owe", OWE_EVERY, now):
            await owe_pages(self._services, now)
        written = await write_due(self._services)
        if self._is_due("ticks", TICKS_EVERY, now):
            await self._ticks(now)
        return written

    async def _ticks(self, now: datetime) -> None:
        try:
            await take_ticks(self._services, now)
        except (JournalDownError, JournalRefusedError) as error:
            log.warning("ticks_not_read", error=error.user_text)
            self._done["ticks"] = now + REST

    def _is_due(self, name: str, every: timedelta, now: datetime) -> bool:
        last = self._done.get(name)
        if last is not None and now < last + every:
            return False
        self._done[name] = now
        return True


async def write_due(services: Services) -> int:
    """Write what is owed and due, page by page; return how many were written."""
    written = 0
    while claimed := await services.journal_queue.claim(services.clock(), lease=LEASE):
        try:
            await write_page(claimed[0], services)
        except (LostLeaseError, JournalRefusedError):
            continue
        except Exception:  # noqa: BLE001  (it is logged and given back, with a pause)
            return written
        written += 1
    return written


async def owe_pages(services: Services, now: datetime) -> None:
    """Owe the pages of what was answered or has ended since the last look.

    The first look ever begins now: what was before the journal has no pages.
    """
    kept = await services.chats.recall(SEEN)
    since = datetime.fromisoformat(str(kept["at"])) - OVERLAP if kept else now
    begun = datetime.fromisoformat(str(kept["begun"])) if kept else now
    since = max(since, begun)
    for record in await services.signals.answered(since):
        alerts = await services.signals.alerts(record.signal_id)
        await services.journal_queue.owe(signal_entry(record, alerts), now)
    for run in await services.runs.newest(_NEWEST, status=RunStatus.COMPLETED):
        if run.flow_type in FLOWS and run.ended_at is not None and run.ended_at >= since:
            await _owe_run(run, services, now)
    if kept is None or now >= datetime.fromisoformat(str(kept["at"])) + MARK_EVERY:
        mark: dict[str, Any] = {"at": now.isoformat(), "begun": begun.isoformat()}
        await services.chats.remember(SEEN, mark, now)


async def _owe_run(run: Run, services: Services, now: datetime) -> None:
    from flows.cli_reports import lines_of_report  # noqa: PLC0415  (commands come with it)

    if not has_page(run.actor):
        return
    archive = services.settings.home / "archive"
    try:
        lines = lines_of_report(run.report, archive)
    except Exception:  # a report that an older program wrote still has its page
        log.exception("journal_report_unread", run_id=run.run_id)
        lines = []
    files = await services.archive.of_run(run.run_id)
    pictures = tuple(file.path for file in files if file.media_type == "image/png")
    await services.journal_queue.owe(run_entry(run, run_title(run), lines, pictures), now)
