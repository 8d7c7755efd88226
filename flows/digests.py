"""Telling what was held back: one digest for each chat whose time has come."""

from datetime import datetime
from itertools import groupby

from flows.services import Services
from pipeline.domain.watch import Watch
from pipeline.live.wall_clock import is_quiet
from storage.telemetry import get_logger

log = get_logger(__name__)


async def send_due_digests(services: Services, now: datetime) -> int:
    """Owe each chat one digest of what is due; return how many were owed by this call.

    A chat that is in its quiet hours waits for their end, whatever the reason for which an alert
    was held: a limit may have held it shortly before they began. A chat that watches no more is
    told too, as nothing that was held is dropped.
    """
    due = await services.signals.held(now)
    if not due:
        return 0
    watches = {watch.chat_id: watch for watch in await services.watches.everyone()}
    told = 0
    for chat_id, held in groupby(due, key=lambda each: each.chat_id):
        listed = list(held)
        if not _rests(watches.get(chat_id), now):
            told += await services.signals.digest(chat_id, listed, now)
            log.info("digest_owed", chat_id=chat_id, signals=len(listed))
    return told


def _rests(watch: Watch | None, now: datetime) -> bool:
    return watch is not None and watch.quiet is not None and is_quiet(watch.quiet, watch.zone, now)
