"""What the scanner does besides scanning: digests and signs of life each minute, upkeep by day."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from flows.ab import send_ab_reports
from flows.digests import send_due_digests
from flows.heartbeat import send_heartbeats
from flows.live_upkeep import keep_scan_log
from flows.run_watch import watch_runs
from flows.score_alarm import watch_scores
from flows.services import Services
from flows.similar import renew_cases
from flows.weekly import send_weekly_cards
from storage.telemetry import get_logger

log = get_logger(__name__)
Chore: TypeAlias = Callable[[Services, datetime], Awaitable[object]]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHORES: tuple[tuple[Chore, timedelta], ...] = (
    (send_due_digests, timedelta(0)),
    (send_heartbeats, MINUTE),
    (send_weekly_cards, 15 * MINUTE),
    (renew_cases, DAY),
    (keep_scan_log, 15 * MINUTE),
    (watch_runs, MINUTE),
    (watch_scores, HOUR),
    (send_ab_reports, HOUR),
)
"""Each chore and how often it is looked into; each knows itself what it has done already."""


@dataclass
class Chores:
    """The chores of one process; asked at every tick."""

    services: Services
    chores: tuple[tuple[Chore, timedelta], ...] = CHORES
    _done: dict[str, datetime] = field(default_factory=dict)

    async def look(self, now: datetime) -> None:
        """Do what is due; a chore that fails is tried again when it is due again."""
        for chore, every in self.chores:
            name = chore.__name__
            last = self._done.get(name)
            if last is not None and now < last + every:
                continue
            self._done[name] = now
            try:
                await chore(self.services, now)
            except Exception:
                log.exception("chore_failed", chore=name)
