"""The weekly training is launched once: by several scanners, over restarts, when we were down."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.built_in_schedules import keep_built_ins
from flows.schedule_keeper import ScheduleKeeper
from flows.scheduling import finish_left, fire_due
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Channel, RunStatus
from storage.memory import MemoryLease
from tests.kit.deliveries import owed
from tests.kit.plain_services import Clock
from tests.kit.schedules import Waiting, schedule
from tests.kit.stored_services import stored_services
from tests.kit.training import labelled

DUE = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # Sunday 03:00 in Berlin
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def services(sqlite_url, tmp_path):
    async with stored_services(tmp_path, sqlite_url, owner_ids="7") as made:
        services = replace(made, clock=Clock(DUE), launcher=Waiting())
        await begin(services, DUE - 30 * HOUR)
        yield services


async def look(services, now):
    services.clock.now = now
    return [fire.outcome for fire in await fire_due("training", services, now)] == ["launched"]


async def begin(services, at):
    """Keep the schedule since a time."""
    services.clock.now = at
    await keep_built_ins(services, at)


async def trainings(services):
    return [r for r in await services.runs.newest(50) if r.flow_type == "train_model_flow"]


async def test_on_sunday_at_three_and_once(services):
    assert not await look(services, DUE - MINUTE)
    assert await look(services, DUE + MINUTE)
    for later in (2 * MINUTE, HOUR, 23 * HOUR, timedelta(days=3)):
        assert not await look(services, DUE + later)
    (run,) = await trainings(services)
    assert run.actor.channel is Channel.SCHEDULE
    assert run.request["trigger"] == "scheduled_weekly"
    assert run.request["schedule"] == "weekly_sunday_03:00"
    accepted = [event for event in await services.audit.newest() if event.action == "train"]
    assert [event.run_id for event in accepted] == [run.run_id]
    await services.runs.request_cancel(run.run_id, DUE)  # it has ended when the next is due
    assert await look(services, DUE + timedelta(days=7))
    assert len(await trainings(services)) == 2


@pytest.mark.parametrize(("down", "launched"), [(23 * HOUR, True), (25 * HOUR, False)])
async def test_missed_while_down_it_is_caught_up_within_a_day(services, down, launched):
    assert await look(services, DUE + down) is launched
    assert not await look(services, DUE + down + MINUTE)


async def test_several_scanners_make_one(services):
    many = [replace(services, lease=MemoryLease()) for _ in range(8)]
    keepers = [ScheduleKeeper(one) for one in many]
    services.clock.now = DUE + MINUTE
    await asyncio.gather(*(keeper.follow() for keeper in keepers))
    assert len(await trainings(services)) == 1


@pytest.mark.parametrize(("port", "call"), [("launcher", "launch"), ("schedules", "note")])
async def test_a_death_between_the_run_s_record_and_the_note_makes_no_second(
    services, port, call, monkeypatch
):
    class DeadError(BaseException):
        pass

    async def die(*_):
        raise DeadError

    with monkeypatch.context() as patch:
        patch.setattr(getattr(services, port), call, die)
        with pytest.raises(DeadError):
            await look(services, DUE + MINUTE)
    assert not await look(services, DUE + 10 * MINUTE)
    await finish_left(services, DUE + 10 * MINUTE)
    assert len(await trainings(services)) == 1


async def test_a_scheduler_that_refuses_is_asked_three_times(services):
    services.launcher.refuses = 2
    assert not await look(services, DUE)
    for n in range(1, 5):
        await finish_left(services, DUE + n * 5 * MINUTE)
    found = await trainings(services)
    assert [r.status for r in found].count(RunStatus.FAILED) == 2
    await services.runs.request_cancel(found[0].run_id, DUE)
    services.launcher.refuses = 9
    week = timedelta(days=7)
    assert not await look(services, DUE + week)
    for n in range(1, 6):
        await finish_left(services, DUE + week + n * 5 * MINUTE)
    assert len(await trainings(services)) == 6
    (notice,) = await owed(services.outbox)
    assert "training could not start" in notice.payload["text"]


@pytest.mark.parametrize(("zone", "due"), [
    ("Europe/Berlin", "2026-03-29T01:00"),  # the night the clock goes forward
    ("Europe/Berlin", "2026-10-25T02:00"),  # and back
    ("America/New_York", "2026-11-01T08:00"),
])  # fmt: skip
async def test_over_the_change_of_the_clock(sqlite_url, tmp_path, zone, due):
    moment = datetime.fromisoformat(due).replace(tzinfo=UTC)
    async with stored_services(tmp_path, sqlite_url, timezone=zone) as made:
        services = replace(made, clock=Clock(moment), launcher=Waiting())
        await begin(services, moment - timedelta(days=6))
        looks = [moment + n * 30 * MINUTE for n in range(-8, 9)]
        found = [await look(services, at) for at in looks]
        assert [at for at, done in zip(looks, found, strict=True) if done] == [moment]


async def test_off_is_off(sqlite_url, tmp_path):
    async with stored_services(tmp_path, sqlite_url, train_schedule="off") as services:
        await begin(services, DUE - HOUR)
        assert await services.schedules.get("training") is None
        assert not await look(services, DUE)


async def test_a_pause_stays_over_restarts_and_changed_settings_are_taken_up(services):
    await services.schedules.set_paused("training", DUE - HOUR, paused=True)
    await begin(services, DUE - HOUR)
    assert not await look(services, DUE + MINUTE)
    other = services.settings.model_copy(update={"train_schedule": "weekly_monday_05:30"})
    await begin(replace(services, settings=other), DUE)
    held = await services.schedules.get("training")
    assert (held.paused, held.cron) == (True, "30 5 * * mon")
    off = services.settings.model_copy(update={"train_schedule": "off"})
    await begin(replace(services, settings=off), DUE)
    assert await services.schedules.get("training") is None


async def test_what_the_deployments_schedule_or_a_person_named_so_stays(services):
    for one in (
        schedule("sundays", flow_name="train_model_flow", deployment="train_model_flow_prod"),
        schedule("parity"),
    ):
        await services.schedules.remove(one.name)
        await services.schedules.put(one, DUE)
    await begin(services, DUE)
    names = {one.name for one in await services.schedules.all()}
    assert names >= {"parity", "sundays"}
    assert "training" not in names
    assert (await services.schedules.get("parity")).deployment == ""


async def test_owners_hear_of_it_where_there_was_something_to_learn_from(tmp_path):
    async with stored_services(tmp_path / "b", None, owner_ids="7", train_timeout=60) as plain:
        await begin(plain, DUE - HOUR)
        plain.clock.now = DUE
        for rows, told in (([], 0), (labelled(60), 1)):
            await plain.labels.put(rows, DUE)
            assert await look(plain, plain.clock.now)
            (newest, *_) = await plain.runs.newest(1)
            await plain.launcher.wait(newest.run_id)
            found = [d for d in await owed(plain.outbox) if d.kind is DeliveryKind.NOTICE]
            assert [d.chat_id for d in found] == [7] * told
            plain.clock.now = DUE + timedelta(days=7, minutes=1)
        assert "440 are missing" in found[0].payload["text"]
        assert "/label " in found[0].payload["text"]
        report = (await plain.runs.get(newest.run_id)).report
        assert report["notification_sent"] is True
