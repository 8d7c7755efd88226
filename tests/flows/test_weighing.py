"""A backtest is weighed against chance and written into the ledger: once, whatever happens."""

import asyncio
import json

import pytest

from flows import backtest as story
from flows import control
from pipeline.backtest.trials import standing
from pipeline.domain.errors import StoreDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import BacktestReport
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.plain_services import plain_services

COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
CLI = Actor(channel=Channel.CLI)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        yield given


async def ended(run, services):
    await services.launcher.wait(run.run_id)
    return await services.runs.get(run.run_id)


async def backtest(services, words=COMMAND, actor=CLI):
    run = await ended(await control.launch_text(words, actor, services), services)
    assert run.status is RunStatus.COMPLETED, run.error
    return run, BacktestReport.model_validate(run.report)


async def tries(services, symbol="EURUSD", **which):
    return await services.trials.of_idea("Asia_sweep_engulf_v1", symbol, **which)


async def test_a_run_is_weighed_and_written_down(services):
    run, report = await backtest(services)
    [trial] = await tries(services)
    assert (trial.run_id, trial.trades) == (run.run_id, report.metrics.trades)
    assert trial.mean_r == pytest.approx(report.metrics.expectancy_r)
    assert (report.standing.number, report.standing.tried) == (1, 1)
    assert report.robustness.expectancy_r.value == pytest.approx(report.metrics.expectancy_r)
    kept = json.loads(await services.archive.get(f"results/{run.run_id}.json"))
    assert kept["standing"] == run.report["standing"]
    assert kept["robustness"] == run.report["robustness"]


async def test_each_variant_counts_whoever_tries_it_and_the_same_one_once(services):
    _, first = await backtest(services)
    _, again = await backtest(services, actor=CHAT)
    _, other = await backtest(services, f"{COMMAND} rr=3")
    _, sized = await backtest(services, f"{COMMAND} lots=2", actor=CHAT)
    places = [(r.standing.number, r.standing.tried) for r in (first, again, other, sized)]
    assert places == [(1, 1), (1, 1), (2, 2), (1, 2)]
    assert again.robustness == first.robustness
    held = await tries(services)
    assert sized.standing == standing(held, held[0])


async def test_a_rerun_is_the_same_try(services):
    run, report = await backtest(services)
    again = await ended(await control.rerun(run.run_id, CLI, services), services)
    assert BacktestReport.model_validate(again.report).standing == report.standing
    assert len(await tries(services)) == 1


async def test_a_ledger_that_is_down_fails_the_run_and_a_rerun_completes_it(services, monkeypatch):
    append = services.trials.append_many

    async def down(_trials):
        raise StoreDownError("The database is busy.")

    monkeypatch.setattr(services.trials, "append_many", down)
    run = await ended(await control.launch_text(COMMAND, CLI, services), services)
    assert run.status is RunStatus.FAILED
    monkeypatch.setattr(services.trials, "append_many", append)
    run = await ended(await control.rerun(run.run_id, CLI, services), services)
    assert run.report["standing"]["number"] == 1


async def test_a_crash_after_writing_down_does_not_count_twice(services, monkeypatch):
    write = story.write_results

    async def dies(*_):
        await asyncio.sleep(0)
        raise OSError("the disk is full")

    monkeypatch.setattr(story, "write_results", dies)
    run = await ended(await control.launch_text(COMMAND, CLI, services), services)
    assert run.status is RunStatus.FAILED
    monkeypatch.setattr(story, "write_results", write)
    run = await ended(await control.rerun(run.run_id, CLI, services), services)
    assert run.status is RunStatus.COMPLETED
    assert len(await tries(services)) == 1


async def test_made_up_bars_are_an_idea_of_their_own(services):
    bars = await services.bars.read("EURUSD", Timeframe.M5)
    await services.bars.remove("EURUSD", Timeframe.M5)
    await services.bars.merge(
        "EURUSD", Timeframe.M5, bars, source="SYNTHETIC", now=services.clock()
    )
    await backtest(services)
    assert await tries(services) == []
    assert len(await tries(services, synthetic=True)) == 1
