"""Retraining by our own schedule, where no Prefect keeps it."""

from datetime import datetime

from apscheduler.triggers.cron import CronTrigger

from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.exchange import RetrainRequest
from pipeline.domain.request import Actor, Channel
from storage.telemetry import get_logger

log = get_logger(__name__)
SCHEDULED = Actor(channel=Channel.SCHEDULE, name="retraining")
_KEY = "retraining:schedule"


async def retrain_when_due(services: Services, now: datetime) -> int:
    """Launch the retraining of each market that is due; return how many were launched.

    The first look only begins to count. After a time in which nothing ran, it is done once. Where
    Prefect is used, its deployment's schedule does it and this does nothing.
    """
    settings = services.settings
    if settings.prefect_api_url is not None or not settings.retrain_symbols:
        return 0
    due = await _due(services, now)
    if not due:
        return 0
    from flows.control import launch  # noqa: PLC0415  (which knows the story, which knows this)

    launched = 0
    for symbol in settings.retrain_symbols:
        request = RetrainRequest(symbol=symbol, days=settings.retrain_days, trigger="scheduled")
        try:
            run = await launch(request, SCHEDULED, services)
        except AppError as error:
            log.warning("retraining_not_launched", symbol=symbol, error=error.user_text)
            continue
        launched += 1
        log.info("retraining_launched", symbol=symbol, run_id=run.run_id)
    return launched


async def _due(services: Services, now: datetime) -> bool:
    """Tell whether a time of the schedule has passed since it was last told."""
    settings = services.settings
    kept = await services.chats.recall(_KEY)
    since = datetime.fromisoformat(kept["at"]) if kept else None
    if since is not None:
        trigger = CronTrigger.from_crontab(settings.retrain_schedule, timezone=settings.timezone)
        at = trigger.get_next_fire_time(since, since)
        if at is None or at > now:
            return False
    # Before anything is launched: a crash in between loses one retraining rather than doubles it.
    await services.chats.remember(_KEY, {"at": now.isoformat()}, now)
    return since is not None
