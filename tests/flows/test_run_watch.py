"""Owners hear of runs in trouble: each once, many together, never of what people cancelled."""

from datetime import timedelta

import pytest

from flows.run_watch import watch_runs
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.plain_services import NOW, plain_services

OWNER, TRADER = 7, 8
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, owner_ids="7") as made:
        yield made


async def failed(services, chat_id=TRADER, error="no bars are held"):
    who = Actor(channel=Channel.TELEGRAM, user_id=chat_id, chat_id=chat_id)
    run = await services.runs.create("bt", "backtest_flow", {}, who, NOW)
    await services.runs.start(run.run_id, NOW)
    await services.runs.finish(run.run_id, RunStatus.FAILED, NOW, error=error)
    return run.run_id


async def owed(services):
    return [
        (each.chat_id, each.payload)
        for each in await services.outbox.claim(NOW + MINUTE, lease=MINUTE, limit=50)
    ]


async def test_a_failed_run_is_told_once_with_its_reason_and_buttons(services):
    run_id = await failed(services)
    assert await watch_runs(services, NOW) == 1
    assert await watch_runs(services, NOW + MINUTE) == 0
    ((chat_id, payload),) = await owed(services)
    assert chat_id == OWNER
    assert payload["text"] == f"✖ {run_id} (backtest_flow) failed: no bars are held"
    assert payload["runs"] == [{"run_id": run_id, "rerun": True}]


async def test_many_at_once_are_one_message(services):
    ids = [await failed(services) for _ in range(14)]
    assert await watch_runs(services, NOW) == 14
    ((_, payload),) = await owed(services)
    assert payload["text"].startswith("14 runs need a look:")
    assert ids[0] in payload["text"] and "and 4 more" in payload["text"]
    assert len(payload["runs"]) == 3


async def test_who_asked_for_a_run_has_heard_and_what_people_stopped_is_no_news(services):
    await failed(services, chat_id=OWNER)
    who = Actor(channel=Channel.TELEGRAM, user_id=TRADER, chat_id=TRADER)
    stopped = await services.runs.create("bt", "backtest_flow", {}, who, NOW)
    await services.runs.request_cancel(stopped.run_id, NOW)
    waiting = await services.runs.create("bt", "backtest_flow", {}, who, NOW)
    await watch_runs(services, NOW + 29 * MINUTE)
    assert await owed(services) == []
    assert await watch_runs(services, NOW + 31 * MINUTE) == 1
    ((_, payload),) = await owed(services)
    assert f"{waiting.run_id} (backtest_flow) waits in the queue for 31 min" in payload["text"]
    assert payload["runs"] == [{"run_id": waiting.run_id, "rerun": False}]


async def test_dying_between_telling_and_remembering_tells_nothing_twice(services):
    await failed(services)
    await watch_runs(services, NOW)
    await services.chats.take("runs:told")
    assert await watch_runs(services, NOW + MINUTE) == 1
    assert len(await owed(services)) == 1
