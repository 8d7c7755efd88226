"""Runs on several hosts: taken over when their lease runs out, left alone while it doesn't."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from flows import control
from flows.claims import kept_claim
from flows.execution import execute_run
from flows.hosts import host_of, owner_on, same_host
from flows.recovery import recover, take_over
from flows.state import StateFolder
from flows.tasks import PlainAttempts, Stop
from pipeline.domain.errors import LostRunError, StoreDownError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.deliveries import owed
from tests.kit.plain_services import plain_services

COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, run_lease=2.0) as given:
        yield given


@pytest.fixture
async def waiting(services, monkeypatch):
    """A queued run that nobody launches."""

    async def nothing(*_):
        return None

    monkeypatch.setattr(services.launcher, "launch", nothing)
    return await control.launch_text(COMMAND, CHAT, services)


def elsewhere(services, tmp_path):
    """The same database seen from another host: another home, another owner."""
    return replace(services, owner="other:1", state=StateFolder(tmp_path / "other" / "state"))


async def begun(services, run, seconds):
    lease = timedelta(seconds=seconds)
    return await services.runs.start(
        run.run_id, services.clock(), owner=services.owner, lease=lease
    )


async def test_another_host_takes_over_a_run_once_its_lease_has_run_out(
    services, waiting, tmp_path
):
    other = elsewhere(services, tmp_path)
    run = await begun(services, waiting, 0.3)
    assert await take_over(other) == [] == await recover(other)
    await asyncio.sleep(0.4)
    assert await take_over(other) == [run.run_id]
    assert (await services.runs.get(run.run_id)).attempt == 2


async def test_on_its_own_host_a_dead_one_is_brought_back_without_waiting(services, waiting):
    run = await begun(services, waiting, 600)
    assert await recover(services) == [run.run_id]


async def test_a_process_of_this_host_that_lives_keeps_its_run_when_its_lease_ran_out(
    services, waiting, tmp_path
):
    run = await begun(services, waiting, 0)
    with services.state.executing(run.run_id):
        assert await take_over(services) == []
        assert await take_over(elsewhere(services, tmp_path)) == [run.run_id]


async def test_who_has_lost_the_run_stops_and_writes_nothing(services, waiting, tmp_path):
    begin, taken = asyncio.Event(), asyncio.Event()
    keep = services.runs.record_task

    async def slow(run_id, record, now, claim=None):
        if record.task == "setup_manager" and not begin.is_set():
            begin.set()
            await taken.wait()
        await keep(run_id, record, now, claim)

    services.runs.record_task = slow
    one = asyncio.create_task(executed(services, waiting))
    await begin.wait()
    held = await services.runs.get(waiting.run_id)
    await services.runs.requeue(held.run_id, services.clock(), claim=held.claim)
    other = elsewhere(services, tmp_path)
    two = asyncio.create_task(executed(other, waiting))
    await asyncio.sleep(0.05)
    taken.set()
    assert await one is RunStatus.QUEUED
    assert await two is RunStatus.COMPLETED
    run = await services.runs.get(waiting.run_id)
    assert (run.status, run.attempt, run.owner) == (RunStatus.COMPLETED, 2, "other:1")
    reports = [d for d in await owed(services.outbox) if d.kind is DeliveryKind.REPORT]
    assert len(reports) == 1


async def test_a_run_brought_back_after_its_report_was_owed_owes_no_second_one(
    services, waiting, monkeypatch
):
    finish = services.runs.finish

    async def dies(*_, **__):
        raise SystemExit

    monkeypatch.setattr(services.runs, "finish", dies)
    with pytest.raises(SystemExit):
        await executed(services, waiting)
    monkeypatch.setattr(services.runs, "finish", finish)
    await recover(services)
    assert await executed(services, waiting) is RunStatus.COMPLETED
    reports = [d for d in await owed(services.outbox) if d.kind is DeliveryKind.REPORT]
    assert len(reports) == 1
    assert (await services.runs.get(waiting.run_id)).attempt == 2


@pytest.mark.parametrize("answer", [False, StoreDownError("gone"), "hangs"])
async def test_a_claim_that_cant_be_prolonged_is_taken_for_lost(services, waiting, answer):
    run = await begun(services, waiting, 2)

    async def renew(*_):
        if answer == "hangs":
            await asyncio.sleep(60)
        if isinstance(answer, Exception):
            raise answer
        return answer

    services.runs.renew = renew
    stop = Stop()
    async with asyncio.timeout(10), kept_claim(run, services, stop):
        while not stop.is_set():
            await asyncio.sleep(0.02)
    with pytest.raises(LostRunError):
        stop.check()


def test_a_host_keeps_its_name_and_each_process_has_its_own(tmp_path):
    host = host_of(tmp_path)
    assert host == host_of(tmp_path) != host_of(tmp_path / "other")
    one, two = owner_on(host), owner_on(host)
    assert one != two and same_host(one, two)
    assert not same_host(one, owner_on(host_of(tmp_path / "other")))


async def executed(services, run):
    import numpy as np

    attempts = PlainAttempts(np.random.default_rng(1))
    return await execute_run(run.run_id, services, attempts=attempts, stop=Stop())
