"""The weekly training: launched once when it is due, or within a day after if we were down."""

import os
import socket
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.request import Actor, Channel, Run, RunStatus
from pipeline.domain.training import TrainRequest
from pipeline.weekly_time import WeeklyTime
from storage.telemetry import get_logger

log = get_logger(__name__)
WEEKLY = Actor(channel=Channel.SCHEDULE, name="training")
CATCH_UP = timedelta(hours=24)
_LEASE, _TTL = "train:weekly", timedelta(minutes=2)
_KEY = "train:weekly"
_TRIES = 3
_MANY = 1000  # runs among which one of the last day is looked for


async def launch_training(services: Services, now: datetime) -> bool:
    """Launch the training of this week if it is due; True if this call did.

    What counts is the run's record, written before anything is launched: a process that dies in
    between, or another that looks at the same moment, makes no second one. A launch that the
    scheduler refused is tried again, three times at most.
    """
    settings = services.settings
    if settings.train_schedule == "off":
        return False
    due = WeeklyTime.parse(settings.train_schedule).last(now, ZoneInfo(settings.timezone))
    kept = await services.chats.recall(_KEY) or {}
    if now - due > CATCH_UP or kept.get("done") == due.isoformat():
        return False
    owner = f"{socket.gethostname()}:{os.getpid()}:{id(services)}"
    if not await services.lease.acquire(_LEASE, owner, _TTL):
        return False
    try:
        return await _launched(services, due, now)
    finally:
        await services.lease.release(_LEASE, owner)


async def _launched(services: Services, due: datetime, now: datetime) -> bool:
    from flows.control import launch  # noqa: PLC0415  (which knows this story too)

    runs = await _since(services, due)
    refused = [run for run in runs if run.status is RunStatus.FAILED and run.started_at is None]
    if len(refused) < len(runs) or len(refused) >= _TRIES:
        await services.chats.remember(_KEY, {"done": due.isoformat()}, now)
        return False
    request = TrainRequest(trigger="scheduled_weekly", schedule=services.settings.train_schedule)
    try:
        run = await launch(request, WEEKLY, services)
    except AppError as error:
        log.warning("training_not_launched", error=error.user_text, tried=len(refused) + 1)
        return False
    log.info("training_launched", run_id=run.run_id, due=due.isoformat())
    await services.chats.remember(_KEY, {"done": due.isoformat()}, now)
    return True


async def _since(services: Services, due: datetime) -> list[Run]:
    """Return the scheduled trainings that were accepted since they were due."""
    return [
        run
        for run in await services.runs.newest(_MANY)
        if run.flow_type == "train_model_flow"
        and run.actor.channel is Channel.SCHEDULE
        and run.created_at >= due
    ]
