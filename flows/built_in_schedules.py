"""The schedules that come with the product, from the settings; an owner may pause each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.parity_nightly import nothing_scanned
from flows.services import Services
from flows.settings import Settings
from pipeline.domain.request import Actor, Channel
from pipeline.domain.schedule import Schedule
from pipeline.weekly_time import WeeklyTime
from storage.telemetry import get_logger

log = get_logger(__name__)
BUILT_IN = "built-in"
"""What stands for the deployment of such a schedule."""
_YEAR_HOURS = 8784


@dataclass(frozen=True)
class BuiltIn:
    """One of them.

    Parameters
    ----------
    flow_name, payload
        What is asked for: `{"text": "/…"}`, or the fields of the flow's request.
    zone
        None: that of the installation.
    catch_up_hours
        A time that was missed is made up for so long.
    to_pass
        Why a time is to be passed over, or nothing; asked when it is due.
    """

    name: str
    flow_name: str
    payload: dict[str, Any]
    cron: str
    enabled: bool = True
    zone: str | None = None
    catch_up_hours: int = 24
    to_pass: Callable[[Services, datetime], Awaitable[str]] | None = None


def built_in_schedules(settings: Settings) -> tuple[BuiltIn, ...]:
    """Return all; what the settings switch off is not enabled."""
    return (
        BuiltIn(
            "training",
            "train_model_flow",
            {"trigger": "scheduled_weekly", "schedule": settings.train_schedule},
            _weekly(settings.train_schedule),
            enabled=settings.train_schedule != "off",
        ),
        BuiltIn(
            "parity",
            "parity_flow",
            {"text": "/parity yesterday"},
            "20 0 * * *",  # so long after midnight, when late bars of the day have come
            zone="UTC",
            catch_up_hours=23,
            to_pass=nothing_scanned,
        ),
        BuiltIn("upkeep", "upkeep_flow", {"text": "/upkeep"}, "40 1 * * *", zone="UTC"),
        BuiltIn(
            "backup",
            "backup_flow",
            {"text": "/backup"},
            _weekly(settings.backup_schedule),
            enabled=settings.backup_schedule != "off",
            catch_up_hours=144,
        ),
        *(
            BuiltIn(
                f"retrain-{symbol.replace('/', '-')}",
                "model_retraining",
                {"symbol": symbol, "days": settings.retrain_days, "trigger": "scheduled"},
                settings.retrain_schedule,
                catch_up_hours=_YEAR_HOURS,
            )
            for symbol in settings.retrain_symbols
        ),
    )


def source_schedules(services: Services) -> tuple[BuiltIn, ...]:
    """Return those of each source and a monthly look at instruments; none unless switched on."""
    if not services.settings.ingest_schedules:
        return ()
    asked = [one.card for one in services.sources.values() if not one.card.lacks]
    weekly = BuiltIn(
        "data-quality", "data_quality_flow", {"text": "/quality"}, "40 4 * * sun", zone="UTC"
    )
    monthly = BuiltIn("instruments", "instrument_flow", {"text": "/instruments"}, "40 4 1 * *")
    daily = tuple(
        BuiltIn(
            f"{word}-{card.name}", "ingest_flow",
            {"text": f"/ingest {kind} source={card.name}"}, cron, zone=card.clock,
        )
        for card in asked
        for word, kind, cron in (
            ("end-of-day", "end_of_day", "40 0 * * tue-sat"),
            ("weekly-check", "check", "40 3 * * sun"),
        )
    )  # fmt: skip
    return (weekly, *daily, *((monthly,) if asked else ()))


async def keep_built_ins(services: Services, now: datetime) -> None:
    """Bring the kept schedules in step with the settings; a pause stays.

    Where `deployments.yaml` schedules the same flow, that one counts and ours is left out.
    """
    held = {one.name: one for one in await services.schedules.all()}
    deployed = {one.flow_name for one in held.values() if one.deployment not in ("", BUILT_IN)}
    wanted = {
        one.name: one
        for one in (*built_in_schedules(services.settings), *source_schedules(services))
        if one.enabled and one.flow_name not in deployed
    }
    for name, one in held.items():
        if one.deployment == BUILT_IN and name not in wanted:
            await services.schedules.remove(name)
    for name, built_in in wanted.items():
        mine = held.get(name)
        if mine is not None and mine.deployment != BUILT_IN:
            log.warning("built_in_schedule_left_out", schedule=name, reason="the name is taken")
            continue
        paused = mine is not None and mine.paused
        one = _schedule(built_in, services.settings, now, paused=paused)
        if one.replacing(mine, now) != mine:
            await services.schedules.put(one, now)


async def reason_to_pass(schedule: Schedule, services: Services, now: datetime) -> str:
    """Return why a time of a built-in schedule is passed over; "": it isn't."""
    if schedule.deployment != BUILT_IN:
        return ""
    found = (b for b in built_in_schedules(services.settings) if b.name == schedule.name)
    built_in = next(found, None)
    if built_in is None or built_in.to_pass is None:
        return ""
    return await built_in.to_pass(services, now)


def _schedule(one: BuiltIn, settings: Settings, now: datetime, *, paused: bool) -> Schedule:
    return Schedule(
        name=one.name, flow_name=one.flow_name, cron=one.cron,
        zone=one.zone or settings.timezone, payload=one.payload, paused=paused,
        catch_up_hours=one.catch_up_hours, deployment=BUILT_IN, created_at=now,
        actor=Actor(channel=Channel.SCHEDULE, name=one.name),
    )  # fmt: skip


def _weekly(word: str) -> str:
    """Return `weekly_sunday_03:00` as a cron line."""
    if word == "off":
        return "0 3 * * sun"
    time = WeeklyTime.parse(word)
    return f"{time.at.minute} {time.at.hour} * * {time.day[:3]}"
