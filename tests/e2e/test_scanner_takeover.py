"""Real scanner processes: one dies hard, the next goes on; Prefect dies, nothing stops."""

import asyncio
import time
from datetime import timedelta

import aiohttp
import pytest

from flows.live_board import STEPS
from pipeline.domain.live import LIVE
from tests.kit.prefect_server import running_prefect
from tests.kit.scanners import scanners
from tests.kit.servers import Postgres, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MINUTE = timedelta(minutes=1)


async def test_the_next_one_takes_over_and_every_signal_is_kept_once(tmp_path, redis_url, capsys):
    async with scanners(tmp_path, redis_url, count=2) as running_ones:
        first, second = running_ones.processes
        await running_ones.has_turn(first)
        since = await running_ones.marks()
        before = await running_ones.marks(since + 5 * MINUTE)
        assert "turn_taken" not in second.log
        first.kill()
        died = time.monotonic()
        await running_ones.has_turn(second)
        took = time.monotonic() - died
        with capsys.disabled():
            print(f"\nthe turn was taken after {took:.1f} s")  # noqa: T201
        # Ten seconds is the promise; whoever asks for the time on a busy machine waits longer.
        assert took < 20
        await running_ones.marks(before + 20 * MINUTE)
        second.stop()
        lost, phantom, known = await running_ones.missed_and_made_up(since)
        assert (lost, phantom) == (set(), set())
        assert known > 2


@pytest.mark.prefect
async def test_a_scan_shows_its_five_steps_and_goes_on_without_prefect(tmp_path, redis_url):
    with running(Postgres) as postgres, running_prefect(postgres) as server:
        # Slow enough for a server on a busy machine to be there before the close.
        ones = scanners(tmp_path, redis_url, speed=6.0, prefect=server.api_url)
        async with ones as running_ones:
            await running_ones.marks()
            run = await completed(server.api_url)
            assert run["name"].startswith("live_20") and run["name"].endswith("00")
            assert "signals" in run["state"]["message"]
            assert await steps_of(run, server.api_url) == sorted(STEPS)
            server.kill()
            reached = max((await running_ones.services.scans.scanned(LIVE)).values())
            await running_ones.marks(reached + 2 * MINUTE)


async def asked(api, path, body):
    async with (
        aiohttp.ClientSession() as session,
        session.post(api + path, json=body) as response,
    ):
        return await response.json()


async def completed(api, seconds=90):
    """Wait for a flow run of a scan that was completed."""
    body = {
        "flows": {"name": {"any_": ["live_scan_flow"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    async with asyncio.timeout(seconds):
        while not (found := await asked(api, "/flow_runs/filter", body)):
            await asyncio.sleep(0.3)
    return found[0]


async def steps_of(run, api, seconds=30):
    """The names of a flow run's tasks, all completed; Prefect's recorder lags a little."""
    body = {
        "flow_runs": {"id": {"any_": [run["id"]]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    async with asyncio.timeout(seconds):
        while len(rows := await asked(api, "/task_runs/filter", body)) < len(STEPS):
            await asyncio.sleep(0.3)
    return sorted(row["name"] for row in rows)
