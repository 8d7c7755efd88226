"""The product's worker on a real Prefect server: launch, names, resume, cancel, death, restart."""

import asyncio
import time

import pytest
from prefect.client.orchestration import PrefectClient

from flows import control
from flows.deployment_adding import apply_one
from flows.deployment_templates import make_spec
from flows.deployments import deployment_line, run_now
from flows.registry import keep_registered
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.plain_services import wavy_bars
from tests.kit.prefect_server import WorkerProcess, prefect_server
from tests.kit.training import labelled

__all__ = ["prefect_server"]
pytestmark = [pytest.mark.prefect, pytest.mark.timeout(300)]
COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-06-20"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
ANY_LATENCY = 5.0  # generous: the machine may be busy; the figure is printed


@pytest.fixture(scope="module")
def worker(prefect_server, tmp_path_factory):
    process = WorkerProcess(tmp_path_factory.mktemp("home"), prefect_server.api_url)
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def services(prefect_server, worker):
    settings = Settings(
        _env_file=None, scout_home=worker.home, prefect_api_url=prefect_server.api_url
    )
    async with open_services(settings) as opened:
        if not await opened.bars.holdings():
            bars = wavy_bars(days=60)
            await opened.bars.merge(
                "EURUSD", Timeframe.M5, bars, source="test", now=opened.clock()
            )
        yield opened


async def until(run_id, services, reached, seconds=60):
    """Wait until a run is as wanted, and return it."""
    async with asyncio.timeout(seconds):
        while True:
            run = await services.runs.get(run_id)
            if reached(run):
                return run
            await asyncio.sleep(0.02)


def over(run):
    return run.status.ended


def at_work(run):
    return any(task.status == "success" for task in run.tasks)


async def flow_run_state(run, services, wanted, seconds=15):
    async with asyncio.timeout(seconds):
        while True:
            found = await services.launcher.find(run)
            if found is not None and found["state_type"] == wanted:
                return found
            await asyncio.sleep(0.1)


async def test_a_run_is_launched_quickly_and_shows_by_its_name_and_tags(services, capsys):
    latencies = []
    for _ in range(3):
        run = await control.launch_text(COMMAND, CHAT, services)
        run = await until(run.run_id, services, over)
        assert run.status is RunStatus.COMPLETED, run.error
        latencies.append((run.started_at - run.created_at).total_seconds())
    with capsys.disabled():
        print(f"\nlaunch to first line: {', '.join(f'{s:.2f}' for s in latencies)} s")  # noqa: T201
    assert min(latencies) < ANY_LATENCY
    flow_run = await flow_run_state(run, services, "COMPLETED")
    assert flow_run["name"] == run.run_id
    assert {"backtest", "production", run.run_id} <= set(flow_run["tags"])
    names = await task_names(flow_run, services)
    assert {"data_ingest", "backtester_core", "telegram_notify"} <= names


async def task_names(flow_run, services, wanted=9):
    """Return the names of a flow run's tasks; Prefect's recorder lags a little."""
    body = {"flow_runs": {"id": {"any_": [flow_run["id"]]}}}
    async with asyncio.timeout(20):
        while True:
            rows = await services.launcher._call("POST", "/task_runs/filter", body)
            if len(rows) >= wanted:
                return {row["name"] for row in rows}
            await asyncio.sleep(0.2)


async def test_the_worker_keeps_within_its_memory(worker, services, capsys):
    used = worker.memory_mb()
    with capsys.disabled():
        print(f"\nworker and children: {used:.0f} MB")  # noqa: T201
    assert used < 800


async def test_a_failed_run_is_resumed_where_it_failed(worker, services):
    results = worker.home / "archive" / "results"
    results.mkdir(parents=True, exist_ok=True)
    aside = results.rename(results.with_name("aside"))
    results.write_text("in the way")
    try:
        run = await control.launch_text(COMMAND, CHAT, services)
        run = await until(run.run_id, services, over)
        assert run.status is RunStatus.FAILED
        (await flow_run_state(run, services, "FAILED"))["name"]
    finally:
        results.unlink()
        aside.rename(results)
    again = await control.rerun(run.run_id, CHAT, services)
    again = await until(again.run_id, services, over)
    assert again.status is RunStatus.COMPLETED, again.error
    outputs = {task.task: task.outputs for task in again.tasks}
    assert outputs["data_ingest"]["kept"]
    assert outputs["backtester_core"]["kept"]
    assert "kept" not in outputs["visualizer"]


async def test_cancel_ends_a_running_run_within_seconds(services):
    run = await control.launch_text(COMMAND, CHAT, services)
    await until(run.run_id, services, at_work)
    begun = time.monotonic()
    await control.cancel(run.run_id, CHAT, services)
    run = await until(run.run_id, services, over)
    assert run.status is RunStatus.CANCELLED
    assert time.monotonic() - begun < 5
    await flow_run_state(run, services, "CANCELLED")


async def test_cancel_in_prefect_itself_is_obeyed(services):
    run = await control.launch_text(COMMAND, CHAT, services)
    await until(run.run_id, services, at_work)
    await services.launcher.cancel(run)
    run = await until(run.run_id, services, over)
    assert run.status is RunStatus.CANCELLED


async def test_a_killed_worker_s_run_is_completed_by_the_next(worker, services):
    run = await control.launch_text(COMMAND, CHAT, services)
    await until(run.run_id, services, at_work)
    worker.kill()
    held = await services.runs.get(run.run_id)
    assert held.status is RunStatus.RUNNING
    worker.start()
    again = await until(run.run_id, services, over)
    assert again.status is RunStatus.COMPLETED, again.error
    assert again.attempt == 2
    assert {task.task: task.outputs for task in again.tasks}["data_ingest"]["kept"]
    await flow_run_state(run, services, "CRASHED")


async def test_a_stopped_worker_gives_its_run_back_or_finishes_it(worker, services):
    run = await control.launch_text(COMMAND, CHAT, services)
    await until(run.run_id, services, at_work)
    assert worker.stop() == 0
    left = await services.runs.get(run.run_id)
    assert left.status in (RunStatus.COMPLETED, RunStatus.QUEUED)
    worker.start()
    again = await until(run.run_id, services, over)
    assert again.status is RunStatus.COMPLETED, again.error


async def test_a_run_asked_for_while_no_worker_is_there_waits_for_it(worker, services):
    worker.stop()
    run = await control.launch_text(COMMAND, CHAT, services)
    assert run.status is RunStatus.QUEUED
    worker.start()
    run = await until(run.run_id, services, over)
    assert run.status is RunStatus.COMPLETED


async def test_the_worker_outlasts_the_server_s_restart(prefect_server, services):
    await asyncio.to_thread(prefect_server.stop)
    with pytest.raises(Exception, match="scheduler"):
        await control.launch_text(COMMAND, CHAT, services)
    await asyncio.to_thread(prefect_server.start)
    run = await control.launch_text(COMMAND, CHAT, services)
    run = await until(run.run_id, services, over, seconds=90)
    assert run.status is RunStatus.COMPLETED, run.error


async def test_a_training_runs_in_its_own_pool_beside_the_others(services):
    """In the worker that is there anyway, one at a time; what computes is a process of its own."""
    await services.labels.put(labelled(900), services.clock())
    words = "/train trees=20 folds=2 min_samples=400"
    first, second = [await control.launch_text(words, CHAT, services) for _ in range(2)]
    beside = await control.launch_text(COMMAND, CHAT, services)
    await until(beside.run_id, services, over, seconds=120)
    runs = [await until(run.run_id, services, over, seconds=200) for run in (first, second)]
    assert {run.status for run in runs} == {RunStatus.COMPLETED}, [run.error for run in runs]
    shown = await services.launcher.find(runs[0])
    assert shown["work_pool_name"] == "training_pool"
    assert set(shown["tags"]) >= {"ml", "training"}
    assert runs[0].ended_at <= runs[1].started_at or runs[1].ended_at <= runs[0].started_at
    versions = await services.models.versions("signal_classifier")
    assert {version.run_id for version in versions} == {run.run_id for run in runs}


async def test_a_deployment_of_one_s_own_runs_in_its_pool_under_its_tags(services, prefect_server):
    """The chat's "Run now": through START, and by its own deployment, not the flow's."""
    words = {
        "setup": "Asia_sweep_engulf_v1",
        "symbol": "EURUSD",
        "period": "2025-05-05..2025-06-20",
    }
    spec = make_spec("nightly_eurusd", "nightly_backtest", words)
    spec = spec.model_copy(update={"work_pool": "ingestion_pool"})
    await apply_one(spec, services, CHAT)
    async with PrefectClient(prefect_server.api_url) as client:
        await keep_registered(client, services)
    run = await run_now("nightly_eurusd", CHAT, services)
    run = await until(run.run_id, services, over, seconds=90)
    assert run.status is RunStatus.COMPLETED, run.error
    shown = await services.launcher.find(run)
    assert shown["work_pool_name"] == "ingestion_pool"
    assert {"backtest", "nightly", run.run_id} <= set(shown["tags"])
    line = await deployment_line("nightly_eurusd", services)
    assert line.last.run_id == run.run_id
