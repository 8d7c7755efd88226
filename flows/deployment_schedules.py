"""The schedule that a deployment comes with: made of its file's words, kept with all others."""

from datetime import datetime

from flows.deployed_flows import flow_of
from flows.deployment_checks import times_of
from flows.owners import owner_chats
from flows.services import Services
from flows.settings import Settings
from pipeline.domain.deployment import DeploymentEntry
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Actor, Channel
from pipeline.domain.schedule import Schedule

_TRAINING = "train_model_flow"


def keeper_of(entry: DeploymentEntry, settings: Settings) -> str:
    """Return who keeps its times instead of a schedule of its own; empty: nobody.

    A `TRAIN_SCHEDULE` that somebody has set goes before the file: it was there first.
    """
    flow = flow_of(entry.spec.flow)
    if flow.kept_by:
        return f"the {flow.kept_by}"
    default = Settings.model_fields["train_schedule"].default
    if flow.name == _TRAINING and settings.train_schedule != default:
        return f"TRAIN_SCHEDULE={settings.train_schedule}"
    return ""


async def schedule_of(
    entry: DeploymentEntry, services: Services, now: datetime
) -> Schedule | None:
    """Return the schedule that an entry asks for; None: it is started by hand, or kept elsewhere.

    Its reports go to the first owner's chat.
    """
    spec, flow = entry.spec, flow_of(entry.spec.flow)
    times = times_of(spec)
    if times is None or keeper_of(entry, services.settings):
        return None
    chats = await owner_chats(services.settings.owner_ids, services.chats)
    asked = flow.of_request(spec.parameters)
    return Schedule(
        name=spec.name,
        flow_name=flow.name,
        cron=times.cron,
        interval_minutes=times.minutes,
        zone=spec.timezone or services.settings.timezone,
        payload=asked if "text" in asked else {**flow.by_schedule, **asked},
        paused=entry.status == "paused",
        actor=Actor(channel=Channel.SCHEDULE, chat_id=chats[0] if chats else None, name=spec.name),
        deployment=spec.name,
        created_at=now,
    )


async def keep_schedule(entry: DeploymentEntry, services: Services, now: datetime) -> bool:
    """Put, replace or remove the schedule of a deployment; True: something changed.

    Raises
    ------
    BadRequestError
        Somebody has made a schedule of that name.
    """
    held = await _held(entry.name, services)
    wanted = await schedule_of(entry, services, now)
    if wanted is not None:
        return await services.schedules.put(wanted, now)
    return held is not None and await services.schedules.remove(entry.name)


async def check_schedule(entry: DeploymentEntry, services: Services) -> None:
    """Refuse a name that a person's schedule has; see `keep_schedule`."""
    await _held(entry.name, services)


async def forget_schedule(name: str, services: Services) -> None:
    """Remove the schedule of a deployment that is no more."""
    held = await services.schedules.get(name)
    if held is not None and held.deployment == name:
        await services.schedules.remove(name)


async def _held(name: str, services: Services) -> Schedule | None:
    held = await services.schedules.get(name)
    if held is not None and held.deployment != name:
        raise BadRequestError(
            f"There is a schedule {name} already, which is no deployment's. "
            "Give the deployment another name, or delete the schedule.",
            field="name", value=name,
        )  # fmt: skip
    return held
