"""Prefect's launcher against a small stand-in of its HTTP API."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from flows.launcher import InProcessLauncher, LaunchError, PrefectLauncher, flow_run_key
from pipeline.domain.request import Actor, Channel, Run, RunStatus
from pipeline.priorities import priority_of
from tests.kit.plain_services import NOW
from tests.kit.servers import free_port

RUN = Run(
    run_id="bt_1", flow_type="backtest_flow", status=RunStatus.QUEUED, request={},
    actor=Actor(channel=Channel.CLI), created_at=NOW,
)  # fmt: skip


@pytest.fixture
async def api():
    """Give a server that remembers what it was asked; `deployments` are what it knows."""
    seen, deployments = [], {"id": "dep-1"}

    async def answer(request):
        seen.append((request.method, request.path, await request.text(), request.headers))
        if "/deployments/name/" in request.path:
            if deployments["id"] is None:
                return web.Response(status=404)
            return web.json_response(
                {"id": deployments["id"], "tags": ["backtest"], "parameters": {"a": 1}}
            )
        if request.path.endswith("create_flow_run") and deployments["id"] not in request.path:
            return web.Response(status=404)
        return web.json_response({"id": "flow-run"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/api", seen, deployments
    await runner.cleanup()


async def test_a_run_is_created_under_its_name_key_and_tags(api):
    url, seen, _ = api
    await PrefectLauncher(url).launch(RUN, None)
    body = seen[-1][2]
    assert seen[-1][1] == "/api/deployments/dep-1/create_flow_run"
    assert all(word in body for word in ('"name": "bt_1"', '"backtest"', flow_run_key(RUN)))
    assert '"work_queue_name": "priority-2"' in body


async def test_the_deployment_is_looked_up_once_and_again_when_it_is_gone(api):
    url, seen, deployments = api
    launcher = PrefectLauncher(url)
    await launcher.launch(RUN, None)
    await launcher.launch(RUN, None)
    assert sum("/deployments/name/" in path for _, path, *_ in seen) == 1
    deployments["id"] = "dep-2"
    await launcher.launch(RUN, None)
    assert seen[-1][1] == "/api/deployments/dep-2/create_flow_run"


async def test_no_deployment_is_a_kind_line(api):
    url, _, deployments = api
    deployments["id"] = None
    with pytest.raises(LaunchError, match="No deployment of backtest_flow is registered"):
        await PrefectLauncher(url).launch(RUN, None)


async def test_no_server_is_a_kind_line():
    launcher = PrefectLauncher(f"http://127.0.0.1:{free_port()}/api")
    assert not await launcher.answers()
    with pytest.raises(LaunchError, match="doesn't answer"):
        await launcher.launch(RUN, None)


async def test_the_password_goes_along_and_not_into_errors(api):
    url, seen, _ = api
    launcher = PrefectLauncher(url, auth="admin:hush")
    assert await launcher.answers()
    assert seen[-1][3]["Authorization"].startswith("Basic ")
    gone = PrefectLauncher(f"http://127.0.0.1:{free_port()}/api", auth="admin:hush")
    with pytest.raises(LaunchError) as caught:
        await gone.launch(RUN, None)
    assert "hush" not in f"{caught.value} {caught.value.facts}"


def test_two_attempts_and_two_databases_have_different_keys():
    keys = {
        flow_run_key(RUN),
        flow_run_key(RUN.model_copy(update={"attempt": 2})),
        flow_run_key(RUN.model_copy(update={"created_at": NOW.replace(microsecond=7)})),
    }
    assert len(keys) == 3


@pytest.mark.parametrize("limit", [1, 2])
async def test_in_process_the_queue_goes_by_priority_then_age(tmp_path, limit, monkeypatch):
    """Asked for in the worst order while the slots are taken: live, people, schedules, training."""
    began, free = [], asyncio.Event()

    async def execute(run_id, services, **_):
        began.append(run_id)
        await free.wait()

    monkeypatch.setattr("flows.execution.execute_run", execute)
    launcher = InProcessLauncher(limit)
    asked = [
        ("train_model_flow", Channel.SCHEDULE), ("train_model_flow", Channel.CLI),
        ("backtest_flow", Channel.SCHEDULE), ("backtest_flow", Channel.TELEGRAM),
        ("live_scan_flow", Channel.SCHEDULE), ("backtest_flow", Channel.HTTP),
    ]  # fmt: skip
    first = [RUN.model_copy(update={"run_id": f"first_{n}"}) for n in range(limit)]
    rest = [
        RUN.model_copy(update={
            "run_id": f"{flow}_{n}", "priority": priority_of(flow, channel),
            "created_at": NOW + timedelta(seconds=n),
        })
        for n, (flow, channel) in enumerate(asked)
    ]  # fmt: skip
    for run in (*first, *rest):
        await launcher.launch(run, None)
        await asyncio.sleep(0)
    assert began == [run.run_id for run in first]
    free.set()
    await asyncio.gather(*(launcher.wait(run.run_id) for run in (*first, *rest)))
    assert began[limit:] == [
        "live_scan_flow_4", "backtest_flow_3", "backtest_flow_5", "backtest_flow_2",
        "train_model_flow_1", "train_model_flow_0",
    ]  # fmt: skip
    await launcher.close()
