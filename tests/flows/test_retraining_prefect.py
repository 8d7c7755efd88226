"""Retraining as a deployment on a real Prefect server: by its schedule, and as others start it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient

from flows import control
from flows.model_retraining import model_retraining
from flows.schedule_sync import DEPLOYMENT
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.exchange import RetrainingResult
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.exchange import running_exchange
from tests.kit.exchange_services import market_of
from tests.kit.prefect_server import WorkerProcess, prefect_server

__all__ = ["prefect_server"]
pytestmark = [pytest.mark.prefect, pytest.mark.timeout(540)]
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
NAME = "retrain-BTC-USDT"


async def ended(run_id, services, seconds=200):
    async with asyncio.timeout(seconds):
        while True:
            run = await services.runs.get(run_id)
            if run.status.ended:
                return run
            await asyncio.sleep(0.1)


async def scheduled(services, seconds=240):
    async with asyncio.timeout(seconds):
        while True:
            for run in await services.runs.newest(20):
                if run.actor.channel is Channel.SCHEDULE and run.actor.name == NAME:
                    return run
            await asyncio.sleep(0.5)


async def test_schedule_deployment_chat_and_plain_call_give_the_same(prefect_server, tmp_path):
    world = market_of(end=datetime.now(UTC) + timedelta(minutes=30))
    async with running_exchange(world):
        shared = {
            "EXCHANGE_URL": world.url, "RETRAIN_SYMBOLS": "BTC/USDT", "TIMEZONE": "UTC",
            "RETRAIN_SCHEDULE": "* * * * *",
        }  # fmt: skip
        settings = Settings(
            _env_file=None, scout_home=tmp_path, prefect_api_url=prefect_server.api_url,
            **{name.lower(): value for name, value in shared.items()},
        )  # fmt: skip
        worker = WorkerProcess(tmp_path, prefect_server.api_url, **shared)
        worker.start()
        try:
            async with (
                open_services(settings) as services,
                PrefectClient(prefect_server.api_url) as client,
            ):
                first = await ended((await scheduled(services)).run_id, services)
                assert first.status is RunStatus.COMPLETED, first.error
                assert first.request["trigger"] == "scheduled"
                deployment = await client.read_deployment_by_name(DEPLOYMENT)
                (plan,) = [p for p in deployment.schedules if p.parameters == {"name": NAME}]
                assert plan.schedule.cron == "* * * * *"
                await services.schedules.set_paused(NAME, services.clock(), paused=True)
                run = await control.launch_text("/train BTC/USDT days=30", CHAT, services)
                chat = await ended(run.run_id, services)
                assert chat.status is RunStatus.COMPLETED, chat.error
                plain = await model_retraining("BTC/USDT", days=30, services=services)
        finally:
            worker.stop()
    by_schedule, by_chat = (RetrainingResult.model_validate(r.report) for r in (first, chat))
    assert plain.success and by_schedule.rows > 1000
    made = [manifest_of(tmp_path, result) for result in (by_schedule, by_chat, plain)]
    assert len({one["version"] for one in made}) == 3
    for one, result in zip(made, (by_schedule, by_chat, plain), strict=True):
        for other, rival in zip(made, (by_schedule, by_chat, plain), strict=True):
            if one["data_fingerprint"] == other["data_fingerprint"]:  # no bar closed in between
                assert (one["sha256"], result.metrics) == (other["sha256"], rival.metrics)


def manifest_of(home, result):
    return json.loads((home / result.model_path / "manifest.json").read_text())
