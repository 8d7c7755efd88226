"""Runs left behind by a dead process: resumed, cancelled, or given up; living ones left alone."""

import pytest

from flows import control
from flows.recovery import MOST_ATTEMPTS, recover
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.deliveries import owed
from tests.kit.plain_services import plain_services

COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        yield given


@pytest.fixture
async def orphan(services, monkeypatch):
    """A run that says running, executed by nobody."""

    async def nothing(*_):
        return None

    with monkeypatch.context() as patch:
        patch.setattr(services.launcher, "launch", nothing)
        run = await control.launch_text(COMMAND, CHAT, services)
    return await services.runs.start(run.run_id, services.clock())


async def test_an_orphan_is_resumed(services, orphan):
    assert await recover(services) == [orphan.run_id]
    await services.launcher.wait(orphan.run_id)
    run = await services.runs.get(orphan.run_id)
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 2)
    told = [d.payload for d in await owed(services.outbox) if d.kind is DeliveryKind.PROGRESS]
    assert [(p["status"], p["final"]) for p in told] == [
        ("interrupted", True),
        ("completed", True),
    ]


async def test_a_run_that_a_living_process_executes_is_left_alone(services, orphan):
    with services.state.executing(orphan.run_id):
        assert await recover(services) == []
    assert (await services.runs.get(orphan.run_id)).status is RunStatus.RUNNING


async def test_an_orphan_that_was_to_be_cancelled_is_cancelled(services, orphan):
    await services.runs.request_cancel(orphan.run_id, services.clock())
    assert await recover(services) == []
    assert (await services.runs.get(orphan.run_id)).status is RunStatus.CANCELLED


async def test_a_run_that_keeps_killing_its_process_is_given_up(services, orphan):
    for _ in range(MOST_ATTEMPTS - 1):
        await services.runs.requeue(orphan.run_id, services.clock())
        await services.runs.start(orphan.run_id, services.clock())
    assert await recover(services) == []
    run = await services.runs.get(orphan.run_id)
    assert run.status is RunStatus.FAILED
    assert "not tried again" in run.error
    *_, progress, notice = await owed(services.outbox)
    assert (progress.payload["status"], progress.payload["final"]) == ("failed", True)
    assert "not tried again" in notice.payload["text"]
    assert notice.payload["reference"].startswith("E-")


async def test_a_queued_run_that_nobody_launched_is_launched(services, monkeypatch):
    async def nothing(*_):
        return None

    with monkeypatch.context() as patch:
        patch.setattr(services.launcher, "launch", nothing)
        run = await control.launch_text(COMMAND, CHAT, services)
    await recover(services)
    await services.launcher.wait(run.run_id)
    assert (await services.runs.get(run.run_id)).status is RunStatus.COMPLETED
