"""Kill the host that executes a backtest, again and again: how long until another has resumed it?

    python -m bench.kill_hosts [rounds] [lease seconds]

Two worker hosts with homes of their own, PostgreSQL for us and for Prefect, two Prefect servers with
Valkey between them, and an S3 server; the host that executes dies with its children at a drawn
task. Each round ends with exactly one report, or the bench says so.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from flows.kernel_cache import use_kernel_cache

use_kernel_cache(Path(__file__).parents[1] / ".pytest_cache")  # the hosts have theirs from here

from flows import control
from flows.backtest import BACKTEST_TASKS
from pipeline.domain.request import RunStatus
from tests.kit.hosts import CHAT, COMMAND, SharedPlaces, WorkerHost, at_task, hold_bars, reached
from tests.kit.prefect_server import PrefectServer
from tests.kit.s3 import S3
from tests.kit.servers import Postgres, Valkey, running

TASKS = [task for task in BACKTEST_TASKS if task not in ("gpt_analysis", "notion_upload")]


async def rounds(count: int, lease: float) -> None:
    rng = np.random.default_rng(6)
    with running(Postgres) as postgres, running(Valkey) as valkey:
        s3 = S3()
        shared = SharedPlaces(postgres.url("scout"), valkey.url, s3, lease)
        await shared.prepare()
        servers = [PrefectServer(postgres.url("prefect"), valkey.url) for _ in range(2)]
        servers[0].start()  # the first one makes the tables
        servers[1].start()
        home = Path(tempfile.mkdtemp(prefix="scout-hosts-"))
        hosts = [
            WorkerHost(home / name, server.api_url, shared)
            for name, server in zip(("one", "two"), servers, strict=True)
        ]
        try:
            for host in hosts:
                host.start()
            async with shared.front(home / "front", servers[0].api_url) as services:
                await hold_bars(services)
                took = [await a_round(n, rng, hosts, services, shared) for n in range(count)]
            print(f"lease {lease:g} s, {count} kills: resumed after median "
                  f"{statistics.median(took):.1f} s, worst {max(took):.1f} s")  # fmt: skip
        finally:
            for host in hosts:
                host.kill()
            for server in servers:
                server.stop()
            s3.stop()


async def a_round(number, rng, hosts, services, shared) -> float:
    task = str(rng.choice(TASKS))
    before = await shared.owed("report")
    begun = time.monotonic()
    run = await control.launch_text(COMMAND, CHAT, services)
    run = await reached(services, run.run_id, lambda r: bool(r.owner))
    started = time.monotonic() - begun
    await asyncio.sleep(float(rng.uniform(0, 0.03)))
    run = await reached(services, run.run_id, at_task(task))
    [victim] = [host for host in hosts if host.owns(run)]
    victim.kill()
    killed = time.monotonic()
    seen = await services.runs.get(run.run_id)
    again = await reached(
        services, run.run_id, lambda r: r.status.ended or (r.attempt > seen.attempt and r.owner)
    )
    resumed = time.monotonic() - killed
    ended = await reached(services, run.run_id, lambda r: r.status.ended)
    took = time.monotonic() - killed
    kept = [t.task for t in ended.tasks if t.outputs.get("kept")]
    await asyncio.sleep(0.5)
    reports = await shared.owed("report") - before
    print(f"{number + 1:3} started {started:.2f} s, killed at {task:15} ({seen.status.value}, "
          f"{len(seen.tasks)} tasks); by {'the other' if not victim.owns(again) else 'the same'} "
          f"resumed {resumed:5.1f} s, ended {took:5.1f} s {ended.status.value}, attempt "
          f"{ended.attempt}, kept {len(kept)}, reports {reports}", flush=True)  # fmt: skip
    assert ended.status is RunStatus.COMPLETED
    assert reports == 1
    await asyncio.to_thread(victim.start)
    return resumed


if __name__ == "__main__":
    words = sys.argv[1:] + ["10", "20"][len(sys.argv) - 1 :]
    asyncio.run(rounds(int(words[0]), float(words[1])))
