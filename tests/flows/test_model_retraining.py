"""Retraining on an exchange's bars: honest about noise, the same however it is started."""

import asyncio
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.reports import report_view
from flows import control
from flows.cli_reports import lines_of_report
from flows.model_retraining import RETRAINING_TASKS, model_retraining
from flows.retraining_steps import worth_of
from flows.schedule_keeper import ScheduleKeeper
from flows.settings import Settings
from pipeline.domain.errors import BadRequestError
from pipeline.domain.exchange import RetrainingResult
from pipeline.domain.model import ModelMetrics
from pipeline.domain.report import Interval
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.exchange import running_exchange, walk
from tests.kit.exchange_services import END, exchange_services, later, market_of

ASKER = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
ASKER_OF_SCRIPT = Actor(channel=Channel.CLI, name="script")
ROOT = Path(__file__).parents[2]


def telling_prices(days: int = 31) -> np.ndarray:
    """Return bars whose long bodies tell the way of the next hour: something is to be learnt."""
    _, prices = walk(0, days * 288, seed=3)
    rng = np.random.default_rng(5)
    push = np.repeat(rng.choice([-1.0, 1.0], days * 288 // 12 + 1), 12)[: days * 288]
    drift = np.exp(np.cumsum(push * 0.0012))
    return np.round(prices * np.column_stack([np.concatenate([[1.0], drift[:-1]]), np.maximum(
        drift, np.concatenate([[1.0], drift[:-1]])), np.minimum(
        drift, np.concatenate([[1.0], drift[:-1]])), drift]), 2)  # fmt: skip


async def test_noise_is_kept_but_never_used(tmp_path):
    async with exchange_services(tmp_path, market_of()) as services:
        result = await model_retraining("btc/usdt", days=30, services=services)
        assert result.success and result.error == ""
        assert (result.version, result.activated) == ("v1.0", False)
        assert result.rows > 1000 and result.bars == 8640
        assert abs(result.metrics["roc_auc"] - 0.5) < 0.1
        assert result.comparison and not result.comparison.promoted
        assert "no better than chance" in result.worth
        assert (await services.models.standing(result.model_id)).champion == ""
        assert result.model_id == "direction_btcusdt"
        assert [t.task for t in result.tasks_completed][:-1] == list(RETRAINING_TASKS[:-1])


async def test_what_can_be_learnt_comes_into_use_and_is_the_next_one_s_rival(tmp_path):
    world = market_of(34, prices=telling_prices(34))
    async with exchange_services(tmp_path, world) as services:
        first = await model_retraining("BTC/USDT", days=30, services=services)
        assert first.success and first.activated, first
        assert (await services.models.standing(first.model_id)).champion == "v1.0"
        again = await model_retraining("BTC/USDT", days=30, services=services)
        assert (again.version, again.activated) == ("v2.0", False)
        assert again.comparison.against == "v1.0"


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
async def test_no_walk_is_activated(tmp_path, seed):
    async with exchange_services(tmp_path, market_of(seed=seed)) as services:
        assert not (await model_retraining("BTC/USDT", services=services)).activated


async def test_chat_and_plain_call_give_the_same_figures(tmp_path):
    async with exchange_services(tmp_path / "a", market_of()) as services:
        plain = await model_retraining("BTC/USDT", days=30, services=services)
    async with exchange_services(tmp_path / "b", market_of()) as services:
        run = await control.launch_text("/train BTC/USDT days=30", ASKER, services)
        assert run.run_id.startswith("train_")
        await services.launcher.wait(run.run_id)
        ended = await services.runs.get(run.run_id)
        assert ended.status is RunStatus.COMPLETED, ended.error
        chat = RetrainingResult.model_validate(ended.report)
        assert (chat.metrics, chat.rows, chat.version) == (
            plain.metrics,
            plain.rows,
            plain.version,
        )
        card = report_view(ended.report).text
        assert "direction_btcusdt v1.0 is kept, not used" in card
        assert "no better than chance" in card
        assert lines_of_report(ended.report, tmp_path)[0].startswith("direction_btcusdt")


async def test_a_failure_is_told_not_raised(tmp_path):
    async with exchange_services(tmp_path, market_of(8)) as services:
        short = await model_retraining("BTC/USDT", days=30, services=services)
        assert not short.success and "Ask for days=" in short.error
        few = await model_retraining("BTC/USDT", days=7, services=services)
        assert not few.success and "rows to learn from" in few.error
        wrong = await model_retraining("BTC/USD", days=7, services=services)
        assert not wrong.success and "did you mean BTC/USDT" in wrong.error
        none = await model_retraining("BTCUSDT", services=services)
        assert not none.success and "like BTC/USDT" in none.error
        assert await services.models.versions("direction_btcusdt") == []
        nowhere = await model_retraining("BTC/USDT", services=replace(services, exchange=None))
        assert not nowhere.success and "EXCHANGE" in nowhere.error


async def test_a_retraining_broken_off_goes_on_where_it_was_and_keeps_one_version(tmp_path):
    world = market_of()
    async with exchange_services(tmp_path, world) as services:
        put, tries = services.models.put, []

        async def full(*kept):
            tries.append(kept)
            if len(tries) == 1:
                raise BadRequestError("the disk is full", field="disk")
            return await put(*kept)

        services.models.put = full
        broken = await model_retraining("BTC/USDT", services=services)
        assert not broken.success and "disk is full" in broken.error
        world.asked.clear()
        run = await control.rerun(broken.run_id, ASKER_OF_SCRIPT, services)
        await services.launcher.wait(run.run_id)
        ended = await services.runs.get(run.run_id)
        assert ended.status is RunStatus.COMPLETED, ended.error
        assert world.asked == []
        assert len(await services.models.versions("direction_btcusdt")) == 1


async def test_without_prefect_the_own_schedule_does_it_once_a_day(tmp_path):
    world = market_of()
    settings = Settings(
        _env_file=None, scout_home=tmp_path, use_prefect=False, timezone="UTC",
        retrain_symbols="btc/usdt", retrain_schedule="30 10 * * *",
    )  # fmt: skip
    async with exchange_services(tmp_path, world, settings=settings) as services:

        async def launched(at):
            before = len(await retrainings())
            await ScheduleKeeper(
                later(world, services, (at - END) // timedelta(minutes=1))
            ).follow()
            return len(await retrainings()) - before

        async def retrainings():
            found = await services.runs.newest(50)
            return [run for run in found if run.flow_type == "model_retraining"]

        assert await launched(END) == 0
        assert await launched(END + timedelta(minutes=20)) == 0
        assert await launched(END + timedelta(minutes=30)) == 1
        assert await launched(END + timedelta(minutes=31)) == 0
        (run,) = await retrainings()
        await services.launcher.wait(run.run_id)
        ended = await services.runs.get(run.run_id)
        assert ended.status is RunStatus.COMPLETED, ended.error
        assert ended.request["trigger"] == "scheduled"
        assert ended.actor.channel is Channel.SCHEDULE
        assert await launched(END + timedelta(days=5)) == 1
        assert await launched(END + timedelta(days=5)) == 0
        (again, _) = await retrainings()
        await services.launcher.wait(again.run_id)


async def test_a_script_needs_no_prefect(tmp_path):
    """In a process of its own, with the sandbox of settings that a script would have."""
    world = market_of(end=datetime.now(UTC) + timedelta(minutes=5))
    program = (
        "import sys; from flows.model_retraining import retrain\n"
        "result = retrain('BTC/USDT', days=30)\n"
        "print(result.success, result.error, result.version, result.rows, result.metrics)\n"
        "sys.exit('prefect' in sys.modules or 'ccxt' in sys.modules)"
    )
    async with running_exchange(world):
        env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")}
        env |= {"SCOUT_HOME": str(tmp_path), "EXCHANGE_URL": world.url, "PYTHONPATH": str(ROOT)}
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program], env=env, cwd=tmp_path,
            capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^True  v1\.0 1\d{3} \{'roc_auc': 0\.", done.stdout, re.MULTILINE), (
        done.stdout
    )
    assert world.paths and world.refused == []


def test_worth_is_told_against_fees():
    def metrics(low):
        auc = Interval(value=0.56, low=low, high=0.6)
        return ModelMetrics(rows=400, positives=200, roc_auc=auc, log_loss=None, brier=None)

    dear = worth_of(metrics(0.48), 1.6, 0.001)
    assert "no better than chance" in dear and "nothing at any score" in dear
    cheap = worth_of(metrics(0.51), 0.2, 0.0001)
    assert "(0.510 to 0.600): better than chance" in cheap and "0.60 on" in cheap
