"""Sweep, walk-forward and batch on memory ports: results, files, refusals, resume, cancel."""

import asyncio
import csv
import io
import re

import numpy as np
import pytest

from flows import control, research_compute
from flows.execution import execute_run
from flows.hands import time_left
from flows.sweep import SWEEP_TASKS
from flows.tasks import PlainAttempts, Stop
from flows.walkforward import WALKFORWARD_TASKS
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import RunStatus
from pipeline.research.reports import BatchReport, SweepReport, WalkForwardReport
from tests.kit.deliveries import owed
from tests.kit.plain_services import NOW, InlineCpu, wavy_bars
from tests.kit.research import CHAT, PERIOD, SWEEP, WALK, ended, research_services


@pytest.fixture
async def services(tmp_path):
    async with research_services(tmp_path) as given:
        yield given


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("flows.tasks.BACKOFF", 0.001)


async def rows_of(path, services):
    text = (await services.archive.get(path.removeprefix("archive/"))).decode()
    return list(csv.DictReader(io.StringIO(text)))


async def test_a_sweep_from_command_to_deliveries(services):
    run = await ended(SWEEP, services)
    assert run.status is RunStatus.COMPLETED, run.error
    assert [task.task for task in run.tasks] == list(SWEEP_TASKS)
    report = SweepReport.model_validate(run.report)
    assert (report.variants, report.failed) == (15, 0)
    rows = await rows_of(report.artifacts["variants_csv"], services)
    assert len(rows) == 15
    assert [float(r["rr"]) for r in rows[::5]] == [1, 2, 3]
    best = max((r for r in rows if r["score"]), key=lambda r: float(r["score"]))
    assert int(best["variant"]) == report.plateau.best + 1
    chosen = rows[report.plateau.centre]
    assert chosen["on_plateau"] == "True"
    assert int(chosen["trades"]) == report.chosen.metrics.trades
    assert report.own.values == {"rr": 2, "buffer_atr": 0.1}
    assert report.standing.tried == 15
    kinds = [d.kind for d in await owed(services.outbox)]
    assert kinds == [DeliveryKind.PROGRESS, DeliveryKind.REPORT, DeliveryKind.PHOTO,
                     DeliveryKind.DOCUMENT, DeliveryKind.DOCUMENT]  # fmt: skip


async def test_each_variant_is_the_backtest_of_its_values(services):
    run = await ended(SWEEP, services)
    rows = await rows_of(run.report["artifacts"]["variants_csv"], services)
    for rr in (1, 2, 3):  # the target is an option of backtests as well
        plain = await ended(f"/backtest Asia_sweep_engulf_v1 {PERIOD} rr={rr}", services)
        figures = plain.report["metrics"]
        (row,) = [r for r in rows if (float(r["rr"]), float(r["buffer_atr"])) == (rr, 0.1)]
        assert int(row["trades"]) == figures["trades"] > 5
        for name in ("total_r", "max_drawdown_r", "total_r_worst", "costs"):
            assert float(row[name]) == pytest.approx(figures[name], abs=1e-6)
    tries = await services.trials.of_idea("Asia_sweep_engulf_v1", "EURUSD")
    fresh = [t.run_id for t in tries if t.run_id.startswith("bt")]
    assert len(tries) == 15 + len(fresh)
    assert len({t.variant for t in tries}) == len(tries)


async def test_a_walk_forward_counts_only_what_came_after(services):
    run = await ended(WALK, services)
    assert run.status is RunStatus.COMPLETED, run.error
    assert [task.task for task in run.tasks] == list(WALKFORWARD_TASKS)
    report = WalkForwardReport.model_validate(run.report)
    assert len(report.windows) >= 3
    assert report.metrics.trades == sum(w.outside.trades for w in report.windows) > 0
    assert report.metrics.total_r == pytest.approx(sum(w.outside.total_r for w in report.windows))
    trades = await rows_of(report.artifacts["trades_csv"], services)
    assert len(trades) == report.metrics.trades
    first = report.windows[0].window.split.isoformat()
    assert all(t["entry_time"] >= first for t in trades)
    windows = await rows_of(report.artifacts["windows_csv"], services)
    assert sum(int(w["outside_trades"]) for w in windows) == len(trades)


async def test_a_batch_lists_failures_and_goes_on(services):
    run = await ended(
        "/batch Asia_sweep_engulf_v1 EURUSD GER40 2025-05-05..2025-05-30 2019", services
    )
    assert run.status is RunStatus.COMPLETED, run.error
    report = BatchReport.model_validate(run.report)
    assert [(t.symbol, bool(t.error)) for t in report.tests] == [
        ("EURUSD", False), ("EURUSD", True), ("GER40", True), ("GER40", True),
    ]  # fmt: skip
    plain = await ended(f"/backtest Asia_sweep_engulf_v1 {PERIOD}", services)
    assert report.tests[0].metrics.model_dump(mode="json") == plain.report["metrics"]
    assert "No bars" in report.tests[1].error
    rows = await rows_of(report.artifacts["tests_csv"], services)
    assert [bool(r["error"]) for r in rows] == [False, True, True, True]


async def test_a_batch_of_nothing_is_refused(services):
    with pytest.raises(BadRequestError, match="No bars"):
        await control.launch_text("/batch Asia_sweep_engulf_v1 GER40 2019", CHAT, services)


@pytest.mark.parametrize(
    ("words", "corrected"),
    [
        ("min_gap=1|2 rr=1|2", "/sweep Frank_raid_v1 EURUSD M5 2025-05-05..2025-05-30 min_gap_atr=1|2 rr=1|2"),
        ("rr=3..1/1", "/sweep Frank_raid_v1 EURUSD M5 2025-05-05..2025-05-30 rr=1..3/1"),
    ],
)  # fmt: skip
async def test_a_wrong_parameter_is_put_right(words, corrected, services):
    with pytest.raises(BadRequestError) as refused:
        await control.launch_text(f"/sweep Frank_raid_v1 {PERIOD} {words}", CHAT, services)
    assert refused.value.corrected == corrected
    assert not await services.runs.newest(1)
    (refusal,) = await services.audit.newest()
    assert (refusal.verdict, refusal.action) == ("refused", "sweep")


async def test_a_period_that_is_not_held_is_put_right_as_a_sweep(services):
    with pytest.raises(BadRequestError) as refused:
        await control.launch_text(SWEEP.replace("2025-05", "2019-05"), CHAT, services)
    assert refused.value.corrected == (
        "/sweep Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-30 rr=1..3/1 buffer_atr=0..0.4/0.1"
    )


async def test_windows_that_do_not_fit_are_refused_before_anything_starts(services):
    with pytest.raises(BadRequestError, match="at least 3 are needed"):
        await control.launch_text(WALK.replace("in=10d out=4d", "in=20d out=10d"), CHAT, services)
    assert not await services.runs.newest(1)


async def test_a_walk_that_chooses_nothing_says_what_would(services):
    run = await ended(WALK.replace("min_trades=2", "min_trades=9"), services)
    assert run.status is RunStatus.COMPLETED, run.error
    report = WalkForwardReport.model_validate(run.report)
    assert (report.metrics.trades, {w.chosen for w in report.windows}) == (0, {None})
    [told] = [w for w in report.warnings if "chose nothing" in w]
    assert re.search(r"no variant made 9 trades in 10 days\. .*min_trades=[2-8]\.", told)
    kinds = [d.kind for d in await owed(services.outbox)]
    assert DeliveryKind.PHOTO not in kinds
    fewer = re.search(r"min_trades=\d", told).group()
    again = await ended(WALK.replace("min_trades=2", fewer), services)
    assert again.report["metrics"]["trades"] > 0


async def test_what_was_tested_before_a_crash_is_not_tested_again(tmp_path, monkeypatch):
    # One process: the chunks come in order, so it is known which were kept.
    async with research_services(tmp_path, max_parallel_runs=1) as services:
        await crash_and_go_on(services, monkeypatch)


async def crash_and_go_on(services, monkeypatch):
    real, calls, disk = research_compute.test_chunk, [], {"gone": True}

    def failing(frames, job, indices):
        calls.append(tuple(indices))
        if disk["gone"] and len(calls) > 2:
            raise OSError("the disk is gone")
        return real(frames, job, indices)

    monkeypatch.setattr(research_compute, "test_chunk", failing)
    run = await ended(SWEEP, services)
    assert run.status is RunStatus.FAILED
    done, before, disk["gone"] = set(calls[:2]), len(calls), False
    await control.rerun(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    again = await services.runs.get(run.run_id)
    assert again.status is RunStatus.COMPLETED, again.error
    assert not done & set(calls[before:])
    assert sum(len(c) for c in calls[before:]) == 15 - sum(len(c) for c in done)
    whole = await ended(SWEEP, services)
    kept, fresh = [
        await rows_of(r.report["artifacts"]["variants_csv"], services) for r in (again, whole)
    ]
    assert kept == fresh


async def test_cancel_ends_a_sweep_between_chunks(services, monkeypatch):
    started = asyncio.Event()

    class Endless(InlineCpu):
        async def run(self, fn, *args, **kwargs):
            if fn.__name__ == "test_chunk":
                started.set()
                await asyncio.sleep(60)
            return await super().run(fn, *args, **kwargs)

    services = services.__class__(**{**services.__dict__, "cpu": Endless()})
    run = await control.launch_text(SWEEP, CHAT, services)
    await asyncio.wait_for(started.wait(), 30)
    await control.cancel(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    assert (await services.runs.get(run.run_id)).status is RunStatus.CANCELLED


async def test_progress_tells_variants_and_time_left(services, monkeypatch):
    notes, put = [], services.outbox.put

    async def noting(chat_id, kind, payload, **given):
        notes.append(payload.get("note", ""))
        return await put(chat_id, kind, payload, **given)

    monkeypatch.setattr(services.outbox, "put", noting)
    monkeypatch.setattr("flows.hands.TELL_EVERY", 0.0)
    await ended(SWEEP, services)
    assert "0 of 15 variants" in notes
    assert any("of 15 variants, about" in note for note in notes)
    assert [time_left(s) for s in (0.2, 45, 600)] == ["1 s", "45 s", "10 min"]


async def test_a_variant_that_breaks_is_listed(services):
    text = f"/sweep Frank_raid_v1 {PERIOD} sweep.window.start=09:00|10:45 sweep.window.end=10:30|11:00"
    run = await ended(text, services)
    assert run.status is RunStatus.COMPLETED, run.error
    report = SweepReport.model_validate(run.report)
    assert report.failed == 1
    assert "must start before it ends" in report.failures[0].error


async def test_a_sweep_runs_again_with_its_kept_results(services, monkeypatch):
    run = await ended(SWEEP, services)
    monkeypatch.setattr(research_compute, "test_chunk", None)
    await services.runs.requeue(run.run_id, services.clock())
    attempts = PlainAttempts(np.random.default_rng(0))
    assert (
        await execute_run(run.run_id, services, attempts=attempts, stop=Stop())
        is RunStatus.COMPLETED
    )
    again = await services.runs.get(run.run_id)
    assert "Every figure is as it was the first time." in again.report["warnings"]
    assert again.report["artifacts"]["variants_csv"].endswith("_a2_variants.csv")
    assert await services.archive.get(f"results/{run.run_id}_variants.csv")
    same = ("plateau", "chosen", "standing", "pbo", "variants")
    assert {k: again.report[k] for k in same} == {k: run.report[k] for k in same}


async def test_a_rerun_on_other_bars_says_how_many_variants_differ(services):
    run = await ended(SWEEP, services)
    first = await services.archive.get(f"results/{run.run_id}_variants.csv")
    await services.bars.remove("EURUSD", Timeframe.M5)
    await services.bars.merge("EURUSD", Timeframe.M5, wavy_bars(seed=8), source="b", now=NOW)
    await control.rerun(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    again = await services.runs.get(run.run_id)
    notes = " ".join(again.report["warnings"])
    assert "since the attempt before the bars changed" in notes
    assert "of 15 rows differ from the first time." in notes
    assert await services.archive.get(f"results/{run.run_id}_variants.csv") == first


async def test_a_batch_and_a_walk_forward_are_held_against_their_first_time_too(services):
    for text in (WALK, f"/batch Asia_sweep_engulf_v1 {PERIOD}"):
        run = await ended(text, services)
        await control.rerun(run.run_id, CHAT, services)
        await services.launcher.wait(run.run_id)
        again = await services.runs.get(run.run_id)
        assert "Every figure is as it was the first time." in again.report["warnings"]
