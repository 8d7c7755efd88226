"""What people do with schedules: make, list, pause, resume, run now, delete; all in the trail."""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from flows.built_in_schedules import BUILT_IN
from flows.roles import role_of
from flows.schedule_requests import checked_payload
from flows.scheduling import fire
from flows.services import Services
from flows.trail import write_trail
from pipeline.command_words import closest_words
from pipeline.domain.errors import AppError, BadRequestError, NotAllowedError
from pipeline.domain.request import Actor
from pipeline.domain.schedule import Fire, Schedule
from pipeline.schedule_commands import ScheduleWish, parse_schedule, times_words
from pipeline.schedule_times import next_times

MOST = 100
"""Schedules that people may have, all together."""
_LONGEST = 40  # characters of a name that we make


@dataclass(frozen=True)
class Line:
    """A schedule as it is listed: its times in words, its next time, its last and what became."""

    schedule: Schedule
    times: str
    next: datetime | None
    last: Fire | None
    own: bool


async def make_schedule(text: str, actor: Actor, services: Services) -> Line:
    """Keep the schedule that a command asks for, once START would take its payload today.

    Raises
    ------
    AppError
        What is wrong with it, by field, with valid values; the refusal is in the trail.
    """
    try:
        wish = parse_schedule(text)
        schedule = await _schedule(wish, actor, services)
        await services.schedules.put(schedule, services.clock())
    except AppError as error:
        await write_trail(services, actor, "schedule", {"text": text[:500]}, refusal=error)
        raise
    what = schedule.model_dump(mode="json", include={"name", "payload", "cron", "zone"})
    await write_trail(services, actor, "schedule", what)
    return await _line(schedule, actor, services)


async def lines(actor: Actor, services: Services) -> list[Line]:
    """Return all schedules, those that a person made first."""
    found = sorted(await services.schedules.all(), key=lambda one: (one.deployment, one.name))
    return [await _line(one, actor, services) for one in found]


async def set_paused(name: str, actor: Actor, services: Services, *, paused: bool) -> Schedule:
    """Pause or resume one's own schedule (owners: any)."""
    schedule = await own_schedule(name, actor, services)
    await services.schedules.set_paused(name, services.clock(), paused=paused)
    did = "schedule_pause" if paused else "schedule_resume"
    await write_trail(services, actor, did, {"name": name})
    return schedule


async def delete(name: str, actor: Actor, services: Services) -> Schedule:
    """Forget one's own schedule (owners: any that people made); its runs stay."""
    schedule = await own_schedule(name, actor, services)
    if schedule.deployment:
        what = (
            "comes with the product" if schedule.deployment == BUILT_IN
            else f"comes with the deployment {schedule.deployment}"
        )  # fmt: skip
        raise BadRequestError(
            f"{name} {what}: it can be paused, not deleted.", field="name", value=name,
            closest=(f"pause {name}",),
        )  # fmt: skip
    await services.schedules.remove(name)
    await write_trail(services, actor, "schedule_delete", {"name": name})
    return schedule


async def run_now(name: str, actor: Actor, services: Services) -> Fire:
    """Ask for it now, as the one who says so; its own times stay as they are."""
    await own_schedule(name, actor, services)
    now = services.clock()
    done = await fire(name, now, services, now, by_hand=actor)
    if done is None:
        raise AppError(f"{name} could not be started just now; it is tried again in two minutes.")
    return done


async def own_schedule(name: str, actor: Actor, services: Services) -> Schedule:
    """Return a schedule that the actor may change.

    Raises
    ------
    RequestError
        There is none of that name, or it is somebody else's.
    """
    schedule = await services.schedules.get(name)
    if schedule is None:
        names = tuple(one.name for one in await services.schedules.all())
        near = closest_words(name, names) or names[:3]
        raise BadRequestError(
            f"There is no schedule {name}.", field="name", value=name, closest=near
        )
    if not await _may(schedule, actor, services):
        raise NotAllowedError(f"{name} belongs to somebody else.")
    return schedule


async def _may(schedule: Schedule, actor: Actor, services: Services) -> bool:
    user = actor.user_id
    if user is None or await role_of(user, services) == "owner":
        return True
    return not schedule.deployment and schedule.actor.user_id == user


async def _schedule(wish: ScheduleWish, actor: Actor, services: Services) -> Schedule:
    payload = {"text": wish.text}
    try:
        flow_name = await checked_payload(payload, "", services)
    except BadRequestError as error:
        error.corrected = ""  # a payload's command is no schedule
        raise
    held = {one.name: one for one in await services.schedules.all()}
    if wish.name is None and len(held) >= MOST:
        raise BadRequestError(
            f"There are {MOST} schedules; delete some first.",
            field="name",
            closest=tuple(held)[:3],
        )
    name = wish.name or _free_name(wish.text, held)
    taken = held.get(name)
    if taken is not None and (taken.deployment or not await _may(taken, actor, services)):
        raise BadRequestError(
            f"The name {name} is taken.", field="name", value=name,
            closest=(f"name={_free_name(name, held)}",),
        )  # fmt: skip
    return Schedule(
        name=name, flow_name=flow_name, cron=wish.cron, interval_minutes=wish.interval_minutes,
        zone=wish.zone or await zone_of(actor, services), payload=payload, overlap=wish.overlap,
        catch_up=wish.catch_up, actor=actor, created_at=services.clock(),
    )  # fmt: skip


async def zone_of(actor: Actor, services: Services) -> str:
    """Return the zone that a person's chat has set, else the installation's."""
    watch = None if actor.chat_id is None else await services.watches.get(actor.chat_id)
    return services.settings.timezone if watch is None else watch.zone


def _free_name(text: str, held: dict[str, Schedule]) -> str:
    """Return a name made of a command's first words that nobody has."""
    words = re.findall(r"[A-Za-z0-9_]+", text)[:2]
    base = "-".join(words)[:_LONGEST].strip("_-") or "schedule"
    return next(n for k in count(1) if (n := base if k == 1 else f"{base}-{k}") not in held)


async def _line(schedule: Schedule, actor: Actor, services: Services) -> Line:
    fires = await services.schedules.fires(schedule.name, 1)
    coming = [] if schedule.paused else next_times(schedule, services.clock())
    return Line(
        schedule, times_words(schedule.cron, schedule.interval_minutes),
        coming[0] if coming else None, fires[0] if fires else None,
        await _may(schedule, actor, services),
    )  # fmt: skip


def asks(schedule: Schedule) -> str:
    """Return what a schedule asks for, in a line."""
    text = schedule.payload.get("text")
    if text is not None:
        return str(text)
    fields = " ".join(f"{k}={v}" for k, v in schedule.payload.items() if k != "trigger")
    return f"{schedule.flow_name} {fields}".strip()
