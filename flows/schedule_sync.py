"""Prefect's schedules kept in step with ours: one deployment, a schedule on it for each."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import SCHEDULE_TYPES, CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound

from flows.services import Services
from pipeline.domain.schedule import Schedule
from pipeline.schedule_times import parse_cron
from storage.telemetry import get_logger

log = get_logger(__name__)
DEPLOYMENT = "schedule_flow/schedule_flow_prod"
FOLLOW = 2.0
"""Seconds between two looks at what was changed."""
AGAIN = 30.0
"""Seconds after which the server is asked whether it still has what it was told."""


async def keep_in_step(services: Services) -> None:
    """Tell the server of every change, until cancelled; its absence is waited out."""
    told: list[Schedule] | None = None
    told_at, down = 0.0, False
    while True:
        try:
            wanted = await services.schedules.all()
            if wanted != told or time.monotonic() > told_at + AGAIN:
                async with get_client() as client:
                    await bring_in_step(client, wanted)
                told, told_at, down = wanted, time.monotonic(), False
        except Exception as error:  # noqa: BLE001  (whatever Prefect raises, we stay)
            if not down:
                log.warning("schedules_not_in_step", error=repr(error)[:300])
            down = True
        await asyncio.sleep(FOLLOW)


async def bring_in_step(client: PrefectClient, wanted: Sequence[Schedule]) -> int:
    """Add, change and remove schedules of the deployment; return how many were touched.

    Raises
    ------
    ObjectNotFound
        The deployment is not there (yet).
    """
    deployment = await client.read_deployment_by_name(DEPLOYMENT)
    held: dict[str, DeploymentSchedule] = {}
    surplus: list[DeploymentSchedule] = []
    for one in await client.read_deployment_schedules(deployment.id):
        name = str(one.parameters.get("name"))
        if name in held or name not in {schedule.name for schedule in wanted}:
            surplus.append(one)
        else:
            held[name] = one
    touched = len(surplus)
    for one in surplus:
        await _delete(client, deployment.id, one)
    for schedule in wanted:
        there, times = held.get(schedule.name), prefect_times(schedule)
        if there is not None and _same(there, times) and there.active is not schedule.paused:
            continue
        touched += 1
        if there is not None:  # its coming runs go with it
            await _delete(client, deployment.id, there)
        made = DeploymentScheduleCreate(
            schedule=times, active=not schedule.paused, parameters={"name": schedule.name}
        )
        await client.create_deployment_schedules(deployment.id, [made])
    if touched:
        log.info("schedules_in_step", schedules=len(wanted), touched=touched)
    return touched


def prefect_times(schedule: Schedule) -> SCHEDULE_TYPES:
    """Return when Prefect is to start: at our times, or at one too many, which finds nothing."""
    if schedule.cron is not None:
        return CronSchedule(cron=parse_cron(schedule.cron).spelled, timezone=schedule.zone)
    step = timedelta(minutes=schedule.interval_minutes or 1)
    return IntervalSchedule(interval=step, anchor_date=schedule.created_at, timezone="UTC")


def _same(held: DeploymentSchedule, times: SCHEDULE_TYPES) -> bool:
    if isinstance(times, CronSchedule):
        return isinstance(held.schedule, CronSchedule) and (
            (held.schedule.cron, held.schedule.timezone) == (times.cron, times.timezone)
        )
    return (
        isinstance(held.schedule, IntervalSchedule)
        and isinstance(times, IntervalSchedule)
        and (held.schedule.interval, held.schedule.anchor_date)
        == (times.interval, times.anchor_date)
    )


async def _delete(client: PrefectClient, deployment_id: UUID, one: DeploymentSchedule) -> None:
    try:
        await client.delete_deployment_schedule(deployment_id, one.id)
    except ObjectNotFound:
        return
