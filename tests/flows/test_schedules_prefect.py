"""Schedules on a real Prefect server: fired once, in step with what changes; the queue's order."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient

from flows import control
from flows.schedule_sync import DEPLOYMENT
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.plain_services import wavy_bars
from tests.kit.prefect_server import WorkerProcess, prefect_server
from tests.kit.schedules import ANN, MINUTE, TEXT, schedule

__all__ = ["prefect_server"]
pytestmark = [pytest.mark.prefect, pytest.mark.timeout(300)]
SCHEDULED = Actor(channel=Channel.SCHEDULE, name="x")
WANTED = {"training", "parity", "soon"}


@pytest.fixture
async def services(prefect_server, tmp_path):
    settings = Settings(
        _env_file=None, scout_home=tmp_path, prefect_api_url=prefect_server.api_url, owner_ids="7"
    )
    worker = WorkerProcess(tmp_path, prefect_server.api_url, OWNER_IDS="7", MAX_PARALLEL_RUNS="1")
    async with open_services(settings) as opened:
        bars = wavy_bars(days=60)
        await opened.bars.merge("EURUSD", Timeframe.M5, bars, source="test", now=opened.clock())
        worker.start()
        try:
            yield opened
        finally:
            worker.stop()


async def until(found, seconds=90):
    """Ask until there is an answer, and return it."""
    async with asyncio.timeout(seconds):
        while True:
            answer = await found()
            if answer:
                return answer
            await asyncio.sleep(0.1)


async def held(client):
    """The schedules that Prefect has, by name: active or not."""
    deployment = await client.read_deployment_by_name(DEPLOYMENT)
    found = await client.read_deployment_schedules(deployment.id)
    assert len({one.parameters["name"] for one in found}) == len(found)
    return {one.parameters["name"]: one.active for one in found}


async def flow_runs(client):
    found = await client.read_flow_runs(limit=20)
    return [(r.name, r.expected_start_time, r.state_name, r.start_time) for r in found]


async def over(run_id, services):
    async def ended():
        run = await services.runs.get(run_id)
        return run if run.status.ended else None

    return await until(ended)


async def test_a_schedule_fires_once_through_prefect_and_follows_what_changes(
    services, prefect_server, capsys
):
    async with PrefectClient(prefect_server.api_url) as client:
        now = datetime.now(UTC)
        due = now + timedelta(seconds=20)
        soon = schedule("soon", interval_minutes=1, created_at=due - MINUTE, overlap="skip")
        await services.schedules.put(soon, now)

        async def in_step():
            return (await held(client)).keys() >= WANTED

        await until(in_step)
        in_step_after = (datetime.now(UTC) - now).total_seconds()

        async def launched():
            return await services.schedules.fires("soon", outcome="launched")

        (fire,) = await until(launched)
        await services.schedules.set_paused("soon", datetime.now(UTC), paused=True)
        run = await over(fire.run_id, services)
        assert (fire.due, run.status) == (due, RunStatus.COMPLETED)
        assert (run.actor.channel, run.actor.chat_id) == (Channel.SCHEDULE, ANN.chat_id)
        late = (fire.at - due).total_seconds()
        with capsys.disabled():
            print(f"\nin step after {in_step_after:.1f} s, noted {late:.2f} s after its time")  # noqa: T201
        assert late < 60, await flow_runs(client)  # the look behind it comes 30 s after

        async def paused():
            return (await held(client)).get("soon") is False

        await until(paused)
        await services.schedules.remove("soon")

        async def gone():
            return "soon" not in await held(client)

        await until(gone)
        of_it = [r for r in await services.runs.newest(50) if r.actor.name == "soon"]
        assert [r.run_id for r in of_it] == [fire.run_id]

    # With one slot: what people ask goes before what schedules had asked for earlier.
    asked = [SCHEDULED] * 4 + [ANN] * 2
    runs = [await control.launch_text(TEXT, actor, services) for actor in asked]
    ended = [await over(run.run_id, services) for run in runs]
    assert {run.status for run in ended} == {RunStatus.COMPLETED}
    order = sorted(range(6), key=lambda n: ended[n].started_at)
    assert order[-2:] == [2, 3], order
