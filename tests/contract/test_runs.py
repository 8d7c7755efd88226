"""RunStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.request import Actor, Channel, RunStatus, TaskRecord

NOW = datetime(2025, 10, 31, 10, 0, 0, 123456, tzinfo=UTC)
ANNA = Actor(
    channel=Channel.TELEGRAM, user_id=5_000_000_001, chat_id=-1_001_234_567_890, name="Ⓐnna"
)
REQUEST = {"symbol": "GER40", "options": {"rr_target": 2.0, "parallel": True}, "z": 1, "a": None}


async def queued(runs, actor=ANNA, now=NOW):
    return await runs.create("bt", "backtest_flow", REQUEST, actor, now)


async def test_a_new_run_is_queued_and_comes_back_as_written(stores):
    run = await queued(stores.runs())
    assert run.run_id == "bt_2025_10_31_001"
    assert run.status is RunStatus.QUEUED
    held = await stores.runs().get(run.run_id)
    assert held == run
    assert list(held.request) == list(REQUEST)
    assert held.created_at == NOW
    assert held.created_at.utcoffset() == timedelta(0)


async def test_numbers_count_by_prefix_and_utc_day(stores):
    runs = stores.runs()
    late = datetime(2025, 10, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))  # 1 Nov in UTC
    ids = [
        (await runs.create(p, "f", {}, ANNA, at)).run_id
        for p, at in (("bt", NOW), ("live", NOW), ("bt", NOW), ("bt", late))
    ]
    assert ids == [
        "bt_2025_10_31_001",
        "live_2025_10_31_001",
        "bt_2025_10_31_002",
        "bt_2025_11_01_001",
    ]


async def test_forty_creators_get_forty_ids(stores):
    two = stores.runs(), stores.runs()
    made = await asyncio.gather(*(queued(two[i % 2]) for i in range(40)))
    ids = {run.run_id for run in made}
    assert len(ids) == 40
    assert all(re.fullmatch(r"bt_2025_10_31_\d{3}", each) for each in ids)


async def test_the_newest_of_each_flow_and_deployment(stores):
    runs = stores.runs()
    assert await runs.latest() == []
    await queued(runs)
    own = await queued(runs)
    await runs.create("bt", "backtest_flow", {}, ANNA, NOW, deployment="nightly")
    nightly = await runs.create("bt", "backtest_flow", {}, ANNA, NOW, deployment="nightly")
    other = await runs.create("train", "train_model_flow", {}, ANNA, NOW)
    found = {run.run_id: run.deployment for run in await stores.runs().latest()}
    assert found == {own.run_id: "", nightly.run_id: "nightly", other.run_id: ""}


async def test_an_unknown_run_is_none(stores):
    runs = stores.runs()
    assert await runs.get("bt_x") is None
    assert await runs.start("bt_x", NOW) is None
    assert await runs.requeue("bt_x", NOW) is None
    assert await runs.request_cancel("bt_x", NOW) is None
    assert await runs.queued_before("bt_x") == 0
    await runs.finish("bt_x", RunStatus.FAILED, NOW)
    with pytest.raises(DataError):
        await runs.record_task("bt_x", TaskRecord(task="a", status="running"), NOW)
    with pytest.raises(DataError):
        await runs.set_provenance("bt_x", {})


async def test_of_many_starters_one_wins(stores):
    run = await queued(stores.runs())
    four = [stores.runs() for _ in range(4)]
    started = await asyncio.gather(*(four[i % 4].start(run.run_id, NOW) for i in range(12)))
    [winner] = [each for each in started if each is not None]
    assert winner.status is RunStatus.RUNNING
    assert winner.started_at == NOW


async def test_the_first_end_stays(stores):
    runs = stores.runs()
    run = await queued(runs)
    await runs.start(run.run_id, NOW)
    await runs.finish(
        run.run_id, RunStatus.FAILED, NOW, error="no bars\x00 \ud800", report={"n": 1}
    )
    await runs.finish(run.run_id, RunStatus.COMPLETED, NOW + timedelta(1), report={"n": 2})
    held = await runs.get(run.run_id)
    assert (held.status, held.ended_at, held.report) == (RunStatus.FAILED, NOW, {"n": 1})
    assert held.error.startswith("no bars")
    assert await runs.start(run.run_id, NOW) is None


async def test_of_concurrent_ends_one_stays_whole(stores):
    run = await queued(stores.runs())
    ends = [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED] * 3
    await asyncio.gather(
        *(stores.runs().finish(run.run_id, end, NOW, error=end.value) for end in ends)
    )
    held = await stores.runs().get(run.run_id)
    assert held.status.value == held.error


async def test_cancel_ends_a_queued_run_and_marks_a_running_one(stores):
    runs = stores.runs()
    waiting, working = await queued(runs), await queued(runs)
    await runs.start(working.run_id, NOW)
    cancelled = await runs.request_cancel(waiting.run_id, NOW)
    assert (cancelled.status, cancelled.ended_at) == (RunStatus.CANCELLED, NOW)
    marked = await runs.request_cancel(working.run_id, NOW)
    assert (marked.status, marked.cancel_requested, marked.ended_at) == (
        RunStatus.RUNNING,
        True,
        None,
    )
    assert await runs.request_cancel(waiting.run_id, NOW) is None
    assert await runs.start(waiting.run_id, NOW) is None


async def test_start_or_cancel_never_both(stores):
    for _ in range(5):
        run = await queued(stores.runs())
        started, cancelled = await asyncio.gather(
            stores.runs().start(run.run_id, NOW), stores.runs().request_cancel(run.run_id, NOW)
        )
        held = await stores.runs().get(run.run_id)
        if started is None:
            assert held.status is RunStatus.CANCELLED
        else:
            assert (held.status, held.cancel_requested) == (RunStatus.RUNNING, True)
        assert cancelled is not None


async def test_requeue_keeps_tasks_and_counts_attempts(stores):
    runs = stores.runs()
    run = await queued(runs)
    assert await runs.requeue(run.run_id, NOW) is None
    await runs.start(run.run_id, NOW)
    await runs.record_task(run.run_id, TaskRecord(task="data_ingest", status="success"), NOW)
    await runs.request_cancel(run.run_id, NOW)
    again = await runs.requeue(run.run_id, NOW)  # an orphan: running, but nobody works on it
    assert (again.status, again.attempt, again.cancel_requested) == (RunStatus.QUEUED, 2, False)
    assert (again.started_at, again.ended_at, again.error, again.report) == (None, None, "", {})
    assert [task.task for task in again.tasks] == ["data_ingest"]
    await runs.start(run.run_id, NOW)
    await runs.finish(run.run_id, RunStatus.FAILED, NOW, error="x")
    assert (await runs.requeue(run.run_id, NOW)).attempt == 3


async def test_tasks_keep_their_first_order_and_their_last_record(stores):
    runs = stores.runs()
    run = await queued(runs)
    for name in ("a", "b", "c"):
        await runs.record_task(run.run_id, TaskRecord(task=name, status="running"), NOW)
    done = TaskRecord(
        task="a",
        status="success",
        duration_sec=1.5,
        attempt=2,
        inputs={"bars": 3},
        outputs={"x": [1]},
    )
    await runs.record_task(run.run_id, done, NOW)
    held = (await runs.get(run.run_id)).tasks
    assert [task.task for task in held] == ["a", "b", "c"]
    assert held[0] == done
    assert (await runs.newest(1))[0].tasks == held


async def test_newest_filters_by_user_and_status(stores):
    runs = stores.runs()
    bob = Actor(channel=Channel.CLI, user_id=2)
    first, second, third = await queued(runs), await queued(runs, bob), await queued(runs)
    await runs.start(third.run_id, NOW)
    assert [r.run_id for r in await runs.newest()] == [third.run_id, second.run_id, first.run_id]
    assert [r.run_id for r in await runs.newest(1)] == [third.run_id]
    assert [r.run_id for r in await runs.newest(user_id=2)] == [second.run_id]
    assert [r.run_id for r in await runs.newest(status=RunStatus.RUNNING)] == [third.run_id]
    assert await runs.newest(user_id=2, status=RunStatus.RUNNING) == []
    older = [r.run_id for r in await runs.newest(before=third.run_id)]
    assert older == [second.run_id, first.run_id]
    assert [r.run_id for r in await runs.newest(1, before=third.run_id)] == [second.run_id]
    assert await runs.newest(user_id=2, before=second.run_id) == []
    assert await runs.newest(before="bt_2020_01_01_001") == []


async def test_place_in_the_queue(stores):
    runs = stores.runs()
    made = [await queued(runs) for _ in range(4)]
    assert [await runs.queued_before(r.run_id) for r in made] == [0, 1, 2, 3]
    await runs.start(made[0].run_id, NOW)
    await runs.request_cancel(made[1].run_id, NOW)
    assert await runs.queued_before(made[3].run_id) == 1


async def test_the_queue_goes_by_priority_then_age(stores):
    runs = stores.runs()
    ids = []
    for priority in (5, 2, 1, 2):
        made = await runs.create("bt", "f", {}, ANNA, NOW, priority=priority)
        assert (await stores.runs().get(made.run_id)).priority == priority
        ids.append(made.run_id)
    assert [await runs.queued_before(each) for each in ids] == [3, 1, 0, 2]
    assert (await queued(runs)).priority == 2
    await runs.start(ids[2], NOW)
    assert [await runs.queued_before(each) for each in ids[:2]] == [3, 0]


async def test_provenance_and_odd_numbers_are_kept(stores):
    runs = stores.runs()
    run = await queued(runs)
    await runs.set_provenance(
        run.run_id, {"git_commit": "abc", "nan": float("nan"), "deep": [{"inf": float("inf")}]}
    )
    await runs.finish(run.run_id, RunStatus.COMPLETED, NOW, report={"pf": float("-inf")})
    held = await runs.get(run.run_id)
    assert held.provenance == {"git_commit": "abc", "nan": None, "deep": [{"inf": None}]}
    assert held.report == {"pf": None}


async def test_what_is_kept_shares_nothing_with_the_caller(stores):
    runs, request = stores.runs(), {"list": [1]}
    run = await runs.create("bt", "f", request, ANNA, NOW)
    request["list"].append(2)
    assert (await runs.get(run.run_id)).request == {"list": [1]}
