"""The backtest's story on memory ports: order, failures, retries, resume, cancel, queue."""

import asyncio
import csv
import io
import json

import numpy as np
import pytest

from flows import backtest as story
from flows import backtest_steps as steps
from flows import control, execution
from flows.backtest import BACKTEST_TASKS, trade_picture
from flows.backtest_text import CSV_COLUMNS
from flows.execution import execute_run
from flows.tasks import PlainAttempts, Stop
from pipeline.domain.errors import BadBarsError, BadRequestError, FeedDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.deliveries import owed
from tests.kit.plain_services import NOW, InlineCpu, plain_services, wavy_bars

COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
CRITICAL = BACKTEST_TASKS[:5]


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        yield given


@pytest.fixture
async def drawing(tmp_path):
    async with plain_services(tmp_path / "drawing", cpu=InlineCpu(draw=True)) as given:
        yield given


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Retries without their pauses."""
    monkeypatch.setattr("flows.tasks.BACKOFF", 0.001)


async def ended(run, services):
    await services.launcher.wait(run.run_id)
    return await services.runs.get(run.run_id)


async def test_a_run_from_command_to_deliveries(services):
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.COMPLETED
    assert [task.task for task in run.tasks] == list(BACKTEST_TASKS)
    assert [task.status for task in run.tasks] == ["success"] * 6 + ["skipped"] * 2 + ["success"]
    report = run.report
    assert report["results_summary"]["trades_count"] == report["metrics"]["trades"] > 0
    assert report["results_summary"]["notion_page_url"] is None
    kinds = [delivery.kind for delivery in await owed(services.outbox)]
    assert kinds == [DeliveryKind.PROGRESS, DeliveryKind.REPORT, DeliveryKind.PHOTO,
                     DeliveryKind.ALBUM, DeliveryKind.DOCUMENT, DeliveryKind.DOCUMENT]  # fmt: skip


async def test_every_artifact_is_there_and_the_csv_is_the_contract(drawing):
    run = await ended(await control.launch_text(COMMAND, CHAT, drawing), drawing)
    artifacts = run.report["artifacts"]
    paths = [artifacts[key] for key in ("backtest_json", "trades_csv", "equity_png")]
    for path in [*paths, *artifacts["sample_pngs"]]:
        assert await drawing.archive.get(path.removeprefix("archive/"))
    text = (await drawing.archive.get(f"results/{run.run_id}_trades.csv")).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.startswith(",".join(CSV_COLUMNS[:9]))
    assert len(rows) == run.report["results_summary"]["trades_count"]
    total = sum(float(row["pnl"]) for row in rows)
    assert total == pytest.approx(run.report["results_summary"]["total_pnl"], abs=0.01)
    kept = {a.path: a for a in await drawing.archive.of_run(run.run_id)}
    assert kept[f"results/{run.run_id}.json"].meta["rule_version"] == "1.0"


async def test_the_progress_ends_final_and_the_deliveries_name_the_attempt(services):
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    progress, report, *_ = await owed(services.outbox)
    assert progress.payload["final"]
    assert progress.payload["percent"] == 100
    assert progress.dedupe_key == f"progress:{run.run_id}:1"
    assert report.payload["report"]["run_id"] == run.run_id
    assert report.payload["has_trades"]
    assert len(report.payload["report"]["qa"]["checks"]) == 7
    assert report.payload["report"]["costs"]["swap"]["triple_day"]


async def test_provenance_tells_data_rules_and_libraries(services):
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert len(run.provenance["data_hash"]) == 64
    assert run.provenance["rule_version"] == "1.0"
    assert run.provenance["env"]["libs"]["pandas"]


async def test_nobody_waiting_skips_the_messages(services):
    run = await ended(
        await control.launch_text(COMMAND, Actor(channel=Channel.CLI), services), services
    )
    assert run.status is RunStatus.COMPLETED
    assert run.tasks[-1].status == "skipped"
    assert await owed(services.outbox) == []


async def test_no_trades_is_a_result_with_a_funnel(services, monkeypatch):
    flat = wavy_bars()
    for name in ("open", "high", "low", "close"):
        flat[name] = 1.1
    await services.bars.remove("EURUSD", Timeframe.M5)
    await services.bars.merge("EURUSD", Timeframe.M5, flat, source="flat", now=NOW)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.COMPLETED
    assert run.report["results_summary"]["trades_count"] == 0
    assert run.report["funnel"]
    kinds = [delivery.kind for delivery in await owed(services.outbox)]
    assert kinds == [DeliveryKind.PROGRESS, DeliveryKind.REPORT, DeliveryKind.DOCUMENT]


@pytest.mark.parametrize("task", CRITICAL)
async def test_a_failing_critical_task_stops_the_run_with_a_notice(services, monkeypatch, task):
    async def fail(*_):
        raise BadBarsError("bar 7 is upside down")

    monkeypatch.setattr(steps, task, fail)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.FAILED
    assert run.error.startswith("bar 7 is upside down [E-")
    assert [(t.task, t.status) for t in run.tasks][-1] == (task, "failed")
    progress, notice = await owed(services.outbox)
    assert progress.payload["final"]
    assert notice.payload["text"] == "bar 7 is upside down"
    assert notice.payload["reference"] in run.error


@pytest.mark.parametrize(("place", "task"), [(story, "gpt_analysis"), (story, "notion_upload")])
async def test_a_failing_optional_task_is_reported_and_the_run_goes_on(
    services, monkeypatch, place, task
):
    async def fail(*_):
        raise BadBarsError("no")

    monkeypatch.setattr(place, task, fail)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.COMPLETED
    assert {t.task: t.status for t in run.tasks}[task] == "failed"


async def test_failing_pictures_cost_a_warning_only(services, monkeypatch):
    async def fail(*_):
        raise BadBarsError("no font")

    monkeypatch.setattr(story, "visualizer", fail)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.COMPLETED
    assert "The pictures could not be drawn." in run.report["warnings"]


async def test_an_outage_is_retried_and_counted(services, monkeypatch):
    good, calls = steps.data_processor, []

    async def shaky(job):
        calls.append(1)
        if len(calls) < 3:
            raise FeedDownError("busy")
        return await good(job)

    monkeypatch.setattr(steps, "data_processor", shaky)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.COMPLETED
    assert {t.task: t.attempt for t in run.tasks}["data_processor"] == 3


async def test_an_outage_that_lasts_fails_after_four_tries(services, monkeypatch):
    calls = []

    async def down(_):
        calls.append(1)
        raise FeedDownError("the feed is down")

    monkeypatch.setattr(steps, "data_ingest", down)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.FAILED
    assert len(calls) == 4


async def test_what_was_judged_is_not_retried(services, monkeypatch):
    calls = []

    async def bad(_):
        calls.append(1)
        raise BadBarsError("bad")

    monkeypatch.setattr(steps, "data_ingest", bad)
    await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert len(calls) == 1


async def test_backoff_grows_and_carries_jitter():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def fail():
        raise FeedDownError("down")

    attempts = PlainAttempts(np.random.default_rng(1), sleep=sleep)
    with pytest.raises(FeedDownError):
        await attempts("task", fail, Stop())
    assert len(slept) == 3
    base = [0.001, 0.002, 0.004]
    assert all(low <= found <= 1.5 * low for low, found in zip(base, slept, strict=True))


async def test_a_rerun_skips_what_is_done_and_goes_on_where_it_failed(services, monkeypatch):
    good = steps.backtester_core

    async def fail(*_):
        raise BadBarsError("once")

    monkeypatch.setattr(steps, "backtester_core", fail)
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    assert run.status is RunStatus.FAILED
    services.cpu.calls.clear()
    monkeypatch.setattr(steps, "backtester_core", good)
    run = await ended(await control.rerun(run.run_id, CHAT, services), services)
    assert run.status is RunStatus.COMPLETED
    assert run.attempt == 2
    assert [c for c in services.cpu.calls if not c.startswith(("draw", "warm"))] == [
        "test",
        "robustness",
    ]
    outputs = {t.task: t.outputs for t in run.tasks}
    assert outputs["setup_manager"]["kept"]
    assert "kept" not in outputs["backtester_core"]


async def test_a_rerun_of_a_completed_run_tells_kept_results_anew(services):
    first = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    services.cpu.calls.clear()
    again = await ended(await control.rerun(first.run_id, CHAT, services), services)
    assert {*services.cpu.calls} <= {"warm_up_bars"}
    assert again.report["metrics"] == first.report["metrics"]
    assert "Kept results were used" in again.report["warnings"][0]


async def test_a_rerun_on_changed_bars_computes_anew(services):
    first = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    other = wavy_bars(seed=8)
    await services.bars.merge("EURUSD", Timeframe.M5, other, source="other", now=NOW)
    again = await ended(await control.rerun(first.run_id, CHAT, services), services)
    assert again.status is RunStatus.COMPLETED
    assert "the bars changed" in again.report["warnings"][0]
    assert again.provenance["data_hash"] != first.provenance["data_hash"]


async def test_cancel_in_the_middle_ends_the_run_quickly(services, monkeypatch):
    begun = asyncio.Event()

    async def slow(*_):
        begun.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(steps, "setup_manager", slow)
    run = await control.launch_text(COMMAND, CHAT, services)
    await begun.wait()
    await control.cancel(run.run_id, CHAT, services)
    run = await asyncio.wait_for(ended(run, services), 2)
    assert run.status is RunStatus.CANCELLED
    progress = (await owed(services.outbox))[0]
    assert progress.payload["status"] == "cancelled"
    assert progress.payload["final"]


async def test_a_cancel_by_record_alone_is_seen(services, monkeypatch):
    begun = asyncio.Event()

    async def slow(*_):
        begun.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(steps, "market_tools", slow)
    monkeypatch.setattr(execution, "CANCEL_POLL", 0.01)
    run = await control.launch_text(COMMAND, CHAT, services)
    await begun.wait()
    await services.runs.request_cancel(run.run_id, NOW)
    run = await asyncio.wait_for(ended(run, services), 2)
    assert run.status is RunStatus.CANCELLED


async def test_two_run_side_by_side_and_the_third_waits_with_its_place(services, monkeypatch):
    gate, begun = asyncio.Event(), []

    async def slow(job):
        begun.append(job.run.run_id)
        await gate.wait()
        return await good(job)

    good = steps.data_processor
    monkeypatch.setattr(steps, "data_processor", slow)
    runs = [await control.launch_text(COMMAND, CHAT, services) for _ in range(4)]
    while len(begun) < 2:
        await asyncio.sleep(0.01)
    assert [await control.place_in_queue(run.run_id, services) for run in runs] == [0, 0, 1, 2]
    gate.set()
    found = [await ended(run, services) for run in runs]
    assert [run.status for run in found] == [RunStatus.COMPLETED] * 4


async def test_a_queued_run_is_cancelled_at_once(services, monkeypatch):
    async def slow(*_):
        await asyncio.sleep(60)

    monkeypatch.setattr(steps, "data_ingest", slow)
    runs = [await control.launch_text(COMMAND, CHAT, services) for _ in range(3)]
    await asyncio.sleep(0.05)
    third = await control.cancel(runs[2].run_id, CHAT, services)
    assert third.status is RunStatus.CANCELLED
    for run in runs[:2]:
        await control.cancel(run.run_id, CHAT, services)
        await ended(run, services)
    assert (await services.runs.get(runs[2].run_id)).tasks == ()


async def test_a_run_is_executed_once_however_often_it_is_launched(services):
    run = await control.launch_text(COMMAND, CHAT, services)
    attempts = PlainAttempts(np.random.default_rng(1))
    found = await asyncio.gather(
        *(execute_run(run.run_id, services, attempts=attempts, stop=Stop()) for _ in range(4))
    )
    await ended(run, services)
    assert len([status for status in found if status is not None]) <= 1
    assert (await services.runs.get(run.run_id)).status is RunStatus.COMPLETED


async def test_a_shutdown_gives_the_run_back(services, monkeypatch):
    begun = asyncio.Event()

    async def slow(*_):
        begun.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(steps, "market_tools", slow)
    run = await control.launch_text(COMMAND, CHAT, services)
    await begun.wait()
    await services.launcher.close()
    run = await services.runs.get(run.run_id)
    assert run.status is RunStatus.QUEUED
    assert run.attempt == 2


async def test_lower_timeframes_are_built_up_and_m1_is_used_inside(services):
    run = await ended(
        await control.launch_text(
            "Asia_fvg_break_v2 EURUSD M15 2025-05-05..2025-05-30", CHAT, services
        ),
        services,
    )
    assert run.status is RunStatus.COMPLETED
    assert run.tasks[0].outputs["loaded_from"] == "M5"


async def test_any_trade_can_be_drawn_again(drawing):
    run = await ended(await control.launch_text(COMMAND, CHAT, drawing), drawing)
    total = run.report["results_summary"]["trades_count"]
    png, facts = await trade_picture(run.run_id, total - 1, drawing)
    assert png.startswith(b"\x89PNG")
    assert facts["total"] == total
    drawing.state.of_run(run.run_id).clear()
    again, _ = await trade_picture(run.run_id, total - 1, drawing)
    assert again == png
    with pytest.raises(BadRequestError):
        await trade_picture(run.run_id, total, drawing)


async def test_same_request_same_files(services):
    first = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    second = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    for name in ("_trades.csv", "_trades.json"):
        one = await services.archive.get(f"results/{first.run_id}{name}")
        two = await services.archive.get(f"results/{second.run_id}{name}")
        assert one == two.replace(second.run_id.encode(), first.run_id.encode())


async def test_kept_json_reads_back_as_the_report(services):
    run = await ended(await control.launch_text(COMMAND, CHAT, services), services)
    kept = json.loads(await services.archive.get(f"results/{run.run_id}.json"))
    assert kept["metrics"] == run.report["metrics"]
    assert kept["flow_status"] == "completed"
