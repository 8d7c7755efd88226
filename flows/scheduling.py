"""Schedules at work: a time that is due is claimed, put to START once, and noted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from flows.built_in_schedules import reason_to_pass
from flows.owners import notify_owners
from flows.schedule_requests import actor_of, put_to_start
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import AppError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, Run, RunStatus
from pipeline.domain.schedule import Fire, Schedule
from pipeline.schedule_times import times_between
from storage.telemetry import get_logger

log = get_logger(__name__)
MOST = 50
"""So many missed times are looked at, caught up with or kept waiting; older ones are let be."""
ON_TIME = timedelta(minutes=2)
"""A time that is no longer ago was not missed."""
TRIES = 3
_MANY = 1000  # runs among which those of one time are looked for


async def fire_due(name: str, services: Services, now: datetime) -> list[Fire]:
    """Put to START what is due of a schedule, by its rule for what was missed.

    Any number of processes may ask at once, and as often as they like: each time is claimed.
    """
    schedule = await services.schedules.get(name)
    if schedule is None or schedule.paused:
        return []
    due = await times_due(schedule, services, now)
    chosen = _chosen(schedule, due, now)
    for moment in due:
        if moment not in chosen and await services.schedules.claim(name, moment, now):
            missed = Fire(
                schedule=name, due=moment, at=now, outcome="missed", reason="nothing ran"
            )
            await services.schedules.note(missed)
    behind = len(chosen) > 1
    fired = [await fire(name, moment, services, now, queues=behind) for moment in chosen]
    return [one for one in fired if one is not None]


async def times_due(schedule: Schedule, services: Services, now: datetime) -> list[datetime]:
    """Return the times up to `now` of which nobody knows yet, the newest `MOST`."""
    newest = await services.schedules.fires(schedule.name, 1)
    begun = schedule.since or schedule.created_at
    return times_between(schedule, max([begun, *(one.due for one in newest)]), now, MOST)


def _chosen(schedule: Schedule, due: Sequence[datetime], now: datetime) -> Sequence[datetime]:
    recent = [at for at in due if now - at <= timedelta(hours=schedule.catch_up_hours)]
    if schedule.catch_up == "all":
        return recent
    last = recent[-1:]
    return last if schedule.catch_up == "last" else [at for at in last if now - at <= ON_TIME]


async def fire(
    name: str,
    due: datetime,
    services: Services,
    now: datetime,
    *,
    queues: bool = False,
    by_hand: Actor | None = None,
) -> Fire | None:
    """Put a schedule's request to START for one time, once; None: somebody else does.

    Parameters
    ----------
    queues
        Wait for the run of the time before whatever the overlap rule says: several are caught up.
    by_hand
        Who asked for it now; it is done even where the schedule is paused.

    Notes
    -----
    A process that dies in between leaves its claim; whoever takes it up looks first for the run
    that was made of it. A scheduler that doesn't answer is asked three times.
    """
    store = services.schedules
    schedule = await store.get(name)
    if schedule is None or (schedule.paused and by_hand is None):
        return None
    held = next((one for one in await store.unfinished(now) if _is(one, name, due)), None)
    ahead = await _ahead(name, due, services)
    if ahead and held is not None and held.outcome == "waiting":
        return None
    if not await store.claim(name, due, now):
        return None
    if ahead:
        return await _behind(schedule, due, ahead, services, queues=queues)
    passed = await reason_to_pass(schedule, services, now)
    if passed:
        return await _note(schedule, due, "skipped", services, reason=passed)
    return await _put(schedule, due, held, by_hand or actor_of(schedule), services)


async def finish_left(services: Services, now: datetime) -> None:
    """Take up what waits for the run before it, and what a dead process had claimed."""
    for left in await services.schedules.unfinished(now):
        await fire(left.schedule, left.due, services, now, queues=left.outcome == "waiting")


def _is(one: Fire, name: str, due: datetime) -> bool:
    return (one.schedule, one.due) == (name, due)


async def _ahead(name: str, due: datetime, services: Services) -> str:
    """Return what the times before are still at: a run's id, "an earlier time", or nothing."""
    store = services.schedules
    for outcome in ("claimed", "waiting"):
        if any(one.due < due for one in await store.fires(name, MOST, outcome=outcome)):
            return "an earlier time"
    for last in await store.fires(name, 1, outcome="launched"):
        run = await services.runs.get(last.run_id)
        return last.run_id if run is not None and not run.status.ended else ""
    return ""


async def _behind(
    schedule: Schedule, due: datetime, ahead: str, services: Services, *, queues: bool
) -> Fire:
    """Let a time wait, or leave it out, by the schedule's rule."""
    waiting = await services.schedules.fires(schedule.name, MOST, outcome="waiting")
    if (queues or schedule.overlap == "queue") and len(waiting) < MOST:
        return await _note(schedule, due, "waiting", services, reason=f"waits for {ahead}")
    fire = await _note(schedule, due, "skipped", services, reason=f"{ahead} had not ended")
    what = {"schedule": schedule.name, "due": due.isoformat()}
    refusal = AppError(fire.reason)
    await write_trail(services, actor_of(schedule), "schedule", what, refusal=refusal)
    return fire


async def _put(
    schedule: Schedule, due: datetime, held: Fire | None, actor: Actor, services: Services
) -> Fire | None:
    """Put it to START, unless an earlier claimer of the time has done so."""
    made = [] if held is None else await _made_of(held, services)
    refused = [run for run in made if run.status is RunStatus.FAILED and run.started_at is None]
    alive = [run for run in made if run not in refused]
    if alive:
        return await _note(schedule, due, "launched", services, run_id=alive[0].run_id)
    try:
        run = await put_to_start(schedule, actor, services)
    except AppError as error:
        if error.retryable and len(refused) + 1 < TRIES:
            log.warning("schedule_not_put", schedule=schedule.name, error=error.user_text)
            return None
        fire = await _note(schedule, due, "refused", services, reason=error.user_text)
        await _tell_refusal(schedule, fire, services)
        return fire
    return await _note(schedule, due, "launched", services, run_id=run.run_id)


async def _made_of(held: Fire, services: Services) -> list[Run]:
    """Return the runs that an earlier claimer of the time has made: those that no time has."""
    launched = await services.schedules.fires(held.schedule, MOST, outcome="launched")
    known = {one.run_id for one in launched}
    return [
        run
        for run in await services.runs.newest(_MANY)
        if run.actor.channel is Channel.SCHEDULE
        and run.actor.name == held.schedule
        and run.created_at >= held.due
        and run.run_id not in known
    ]


async def _note(
    schedule: Schedule,
    due: datetime,
    outcome: Literal["waiting", "launched", "skipped", "refused"],
    services: Services,
    *,
    run_id: str = "",
    reason: str = "",
) -> Fire:
    fire = Fire(
        schedule=schedule.name, due=due, at=services.clock(), outcome=outcome, run_id=run_id,
        reason=reason,
    )  # fmt: skip
    await services.schedules.note(fire)
    log.info("schedule_fired", **fire.model_dump(mode="json", exclude={"at"}))
    return fire


async def _tell_refusal(schedule: Schedule, fire: Fire, services: Services) -> None:
    """Tell the maker, or the owners, unless the time before was refused for the same reason."""
    times = await services.schedules.fires(schedule.name, 2)
    if any(one.due < fire.due and one.reason == fire.reason for one in times):
        return
    text = (
        f"The schedule {schedule.name} could not start its run: {fire.reason}\n"
        "It is tried again at its next time; see /schedules."
    )
    key = f"schedule:{schedule.name}:{fire.due:%Y%m%d%H%M%S}"
    chat = schedule.actor.chat_id
    if chat is None:
        await notify_owners({"text": text}, key, services)
        return
    now = services.clock()
    await services.outbox.put(chat, DeliveryKind.NOTICE, {"text": text}, dedupe_key=key, now=now)
