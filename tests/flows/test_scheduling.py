"""A time is put to START once: overlaps, what was missed, refusals, deaths, and both keepers."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.schedule_keeper import BEHIND, ScheduleKeeper
from flows.scheduling import MOST, finish_left, fire, fire_due
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.schedule import CLAIM_LASTS
from tests.kit.deliveries import owed
from tests.kit.plain_services import Clock
from tests.kit.schedules import ANN, DAY, HOUR, MADE, MINUTE, TEXT, Waiting, end, schedule, told
from tests.kit.stored_services import stored_services


@pytest.fixture
async def services(sqlite_url, tmp_path):
    async with stored_services(tmp_path, sqlite_url, owner_ids="7") as made:
        yield replace(made, clock=Clock(MADE), launcher=Waiting())


async def look(services, now, name="hourly"):
    services.clock.now = now
    return await fire_due(name, services, now)


async def put(services, **fields):
    await services.schedules.put(schedule(**fields), MADE)


async def runs(services):
    return list(reversed(await services.runs.newest(100)))


async def test_a_time_is_put_to_start_as_its_maker_s_wish_and_once(services):
    await put(services)
    assert await look(services, MADE + 59 * MINUTE) == []
    due = MADE + HOUR
    several = await asyncio.gather(*(look(services, due) for _ in range(10)))
    (launched,) = [one for fires in several for one in fires]
    assert (launched.due, launched.outcome) == (due, "launched")
    assert await look(services, due + MINUTE) == []
    (run,) = await runs(services)
    assert run.run_id == launched.run_id == services.launcher.taken[0]
    assert run.actor == Actor(channel=Channel.SCHEDULE, user_id=7, chat_id=70, name="hourly")
    (trail,) = await services.audit.newest()
    assert (trail.action, trail.verdict, trail.run_id) == ("backtest", "accepted", run.run_id)
    assert trail.actor == run.actor
    (progress,) = await owed(services.outbox)
    assert (progress.chat_id, progress.kind) == (70, DeliveryKind.PROGRESS)


async def test_skip_leaves_a_time_out_while_the_run_before_is_under_way(services):
    await put(services, overlap="skip")
    await look(services, MADE + HOUR)
    (first,) = await runs(services)
    (left_out,) = await look(services, MADE + 2 * HOUR)
    assert (left_out.outcome, left_out.reason) == ("skipped", f"{first.run_id} had not ended")
    assert (await services.audit.newest(1))[0].verdict == "refused"
    await look(services, MADE + 3 * HOUR)
    await end(services, first.run_id, MADE + 3 * HOUR)
    await look(services, MADE + 4 * HOUR)
    assert [f.outcome for f in await services.schedules.fires("hourly")] == [
        "launched", "skipped", "skipped", "launched",
    ]  # fmt: skip


async def test_a_run_that_lasts_longer_than_what_is_looked_at_still_counts(services):
    await put(services, overlap="skip", interval_minutes=1)
    for n in range(1, MOST + 15):
        await look(services, MADE + n * MINUTE)
    assert len(await runs(services)) == 1


async def test_queue_lets_times_wait_and_takes_them_up_one_by_one_in_order(services):
    await put(services)
    await look(services, MADE + HOUR)
    for n in (2, 3):
        (waits,) = await look(services, MADE + n * HOUR)
        assert waits.outcome == "waiting"
    now = MADE + 3 * HOUR
    await finish_left(services, now)
    assert len(await runs(services)) == 1
    for n in (2, 3):
        await end(services, (await runs(services))[-1].run_id, now)
        await asyncio.gather(*(finish_left(services, now + MINUTE) for _ in range(3)))
        assert len(await runs(services)) == n
    fires = await services.schedules.fires("hourly")
    ids = [run.run_id for run in await runs(services)]
    assert [fire.run_id for fire in reversed(fires)] == ids


@pytest.mark.parametrize(("rule", "outcomes"), [
    ("none", ["missed"] * 4 + ["launched"]),
    ("last", ["missed"] * 4 + ["launched"]),
    ("all", ["launched"] + ["waiting"] * 4),
])  # fmt: skip
async def test_after_downtime_by_the_rule(services, rule, outcomes):
    await put(services, catch_up=rule, overlap="skip")
    await look(services, MADE + 5 * HOUR + MINUTE)
    assert told(await services.schedules.fires("hourly")) == [
        (MADE + n * HOUR, outcome) for n, outcome in enumerate(outcomes, 1)
    ]


async def test_what_was_missed_by_more_than_two_minutes_is_not_made_up_for_with_none(services):
    await put(services, catch_up="none")
    await look(services, MADE + HOUR + 3 * MINUTE)
    assert told(await services.schedules.fires("hourly")) == [(MADE + HOUR, "missed")]


async def test_catching_up_is_bounded(services):
    await put(services, catch_up="all", interval_minutes=1)
    await look(services, MADE + DAY)
    fires = await services.schedules.fires("hourly", 1000)
    assert len(fires) == MOST
    assert fires[-1].due == MADE + DAY - (MOST - 1) * MINUTE
    await put(services, name="daily", cron="0 13 * * *", catch_up="all", catch_up_hours=36)
    await look(services, MADE + 5 * DAY - HOUR, "daily")
    assert [o for _, o in told(await services.schedules.fires("daily"))] == [
        "missed", "missed", "missed", "launched",
    ]  # fmt: skip


async def test_a_pause_is_not_made_up_for(services):
    await put(services)
    await services.schedules.set_paused("hourly", MADE, paused=True)
    assert await look(services, MADE + 2 * HOUR) == []
    await services.schedules.set_paused("hourly", MADE + 150 * MINUTE, paused=False)
    assert await look(services, MADE + 150 * MINUTE) == []
    assert len(await look(services, MADE + 3 * HOUR)) == 1


async def test_run_now_is_done_at_once_even_when_paused(services):
    await put(services)
    await services.schedules.set_paused("hourly", MADE, paused=True)
    assert await fire("hourly", MADE + MINUTE, services, MADE + MINUTE) is None
    done = await fire("hourly", MADE + MINUTE, services, MADE + MINUTE, by_hand=ANN)
    assert done.outcome == "launched"
    assert (await runs(services))[0].actor == ANN


async def test_a_refusal_is_noted_and_told_once(services):
    await put(services, payload={"text": "/backtest Asia_sweep_engulf_v1 EURUSD M5 2019"})
    for n in (1, 2, 3):
        (refused,) = await look(services, MADE + n * HOUR)
        assert refused.outcome == "refused"
        assert "EURUSD" in refused.reason
    assert await runs(services) == []
    assert [e.verdict for e in await services.audit.newest()] == ["refused"] * 3
    (notice,) = await owed(services.outbox)
    assert notice.chat_id == 70
    assert refused.reason in notice.payload["text"]
    await services.schedules.put(schedule(payload={"text": "/nonsense"}), MADE)
    await look(services, MADE + 4 * HOUR)
    assert len(await owed(services.outbox)) == 1, "another reason is told"


async def test_who_may_no_longer_launch_is_refused(services):
    await services.chats.set_role(8, "trader", MADE)
    await put(services, actor=ANN.model_copy(update={"user_id": 8}))
    assert (await look(services, MADE + HOUR))[0].outcome == "launched"
    await end(services, (await runs(services))[0].run_id, MADE + HOUR)
    await services.chats.set_role(8, "viewer", MADE)
    (refused,) = await look(services, MADE + 2 * HOUR)
    assert (refused.outcome, refused.reason) == (
        "refused", "Ann, who made it, may no longer launch runs.",
    )  # fmt: skip


async def test_a_scheduler_that_does_not_answer_is_asked_three_times(services):
    await put(services)
    services.launcher.refuses = 2
    now = MADE + HOUR
    assert await look(services, now) == []
    for _ in range(2):
        await finish_left(services, now + MINUTE)  # not yet
        now += CLAIM_LASTS
        services.clock.now = now
        await finish_left(services, now)
    (launched,) = await services.schedules.fires("hourly")
    assert launched.outcome == "launched"
    assert [run.status for run in await runs(services)] == [
        RunStatus.FAILED, RunStatus.FAILED, RunStatus.QUEUED,
    ]  # fmt: skip
    assert launched.run_id == (await runs(services))[-1].run_id
    await end(services, launched.run_id, now)
    services.launcher.refuses = 9
    now = MADE + 2 * HOUR
    await look(services, now)
    for n in range(1, 6):
        await finish_left(services, now + n * CLAIM_LASTS)
    assert len(await runs(services)) == 6
    assert (await services.schedules.fires("hourly", 1))[0].outcome == "refused"


@pytest.mark.parametrize(("port", "call"), [
    ("runs", "create"), ("launcher", "launch"), ("schedules", "note"),
])  # fmt: skip
async def test_a_death_at_any_step_loses_none_and_doubles_none(services, port, call, monkeypatch):
    class DeadError(BaseException):
        pass

    async def die(*_, **__):
        raise DeadError

    await put(services)
    now = MADE + HOUR
    with monkeypatch.context() as patch:
        patch.setattr(getattr(services, port), call, die)
        with pytest.raises(DeadError):
            await look(services, now)
    assert await look(services, now + MINUTE) == []
    services.clock.now = later = now + CLAIM_LASTS + MINUTE
    await finish_left(services, later)
    (run,) = await runs(services)
    (done,) = await services.schedules.fires("hourly")
    assert (done.outcome, done.run_id, done.due) == ("launched", run.run_id, now)


async def test_fields_instead_of_a_text(services):
    fields = {
        "symbol": "EURUSD", "timeframe": "M5", "start": "2025-05-05", "end": "2025-05-09",
        "setup_id": "Asia_sweep_engulf_v1",
    }  # fmt: skip
    await put(services, payload=fields)
    assert (await look(services, MADE + HOUR))[0].outcome == "launched"
    await put(services, name="bad", payload={**fields, "timeframe": "M7"})
    (refused,) = await look(services, MADE + HOUR, "bad")
    assert (refused.outcome, "timeframe" in refused.reason) == ("refused", True)
    await put(services, name="dry", payload={"text": TEXT + " dry_run"})
    assert (await look(services, MADE + HOUR, "dry"))[0].reason == (
        "A schedule can't ask for a dry run."
    )


async def prefect_s_times(services, dues, now):
    """What Prefect does: a flow run for each time, half a second early, or all late ones at once.

    Our keeper comes behind it.
    """
    services.clock.now = now
    expected = [fire_due("hourly", services, max(now, due)) for due in reversed(dues)]
    await asyncio.gather(*expected)
    services.clock.now = dues[-1] + BEHIND + MINUTE
    await ScheduleKeeper(services, behind=BEHIND).follow()


async def our_times(services, now):
    services.clock.now = now
    await ScheduleKeeper(services).follow()


@pytest.mark.parametrize("rule", ["none", "last", "all"])
@pytest.mark.parametrize("overlap", ["skip", "queue"])
async def test_both_keepers_give_the_same_result(tmp_path, rule, overlap):
    """Two times as they come, a downtime of three, one more; one run lasts too long."""
    results = []
    for keeper in ("own", "prefect"):
        async with stored_services(tmp_path / keeper, None) as made:
            services = replace(made, clock=Clock(MADE), launcher=Waiting())
            nobody = ANN.model_copy(update={"user_id": None})
            kept = schedule(catch_up=rule, overlap=overlap, actor=nobody)
            await services.schedules.put(kept, MADE)
            for late in ((1,), (2,), (3, 4, 5), (6,)):
                dues = [MADE + n * HOUR for n in late]
                delay = 3 * MINUTE if len(late) > 1 else -MINUTE / 120
                if keeper == "prefect":
                    await prefect_s_times(services, dues, dues[-1] + delay)
                else:
                    await our_times(services, dues[-1] + max(delay, MINUTE / 60))
                for run in await runs(services):
                    if not run.status.ended and late != (2,):
                        await end(services, run.run_id, dues[-1])
            results.append(told(await services.schedules.fires("hourly")))
    assert results[0] == results[1]
    assert len(results[0]) == 6


async def test_our_timers_follow_what_changes(services):
    """Real time: an interval that has a second left, one that is paused, one that is removed."""
    now = datetime.now(UTC)
    services = replace(services, clock=lambda: datetime.now(UTC))
    soon = now - MINUTE + timedelta(seconds=2)
    fields = {"interval_minutes": 1, "created_at": soon, "overlap": "skip"}
    for name in ("removed", "paused"):
        await services.schedules.put(schedule(name, **fields), now)
    keeper = ScheduleKeeper(services)
    keeping = asyncio.create_task(keeper.keep())
    try:
        async with asyncio.timeout(20):
            while len(keeper.scheduler.get_jobs()) < 2:
                await asyncio.sleep(0.05)
            await services.schedules.remove("removed")
            await services.schedules.set_paused("paused", now, paused=True)
            await services.schedules.put(schedule("added", **fields), now)
            while not await services.schedules.fires("added", outcome="launched"):
                await asyncio.sleep(0.05)
    finally:
        keeping.cancel()
    (run,) = [run for run in await runs(services) if run.actor.name == "added"]
    (fired,) = await services.schedules.fires("added")
    assert (fired.run_id, fired.due) == (run.run_id, soon + MINUTE)
    assert await services.schedules.fires("paused") == []
    assert {job.id for job in keeper.scheduler.get_jobs()}.isdisjoint({"removed", "paused"})
