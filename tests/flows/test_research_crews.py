"""Who tests the chunks: our own processes, or a Dask cluster; the results are the same."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from flows import crews
from flows.cpu import CpuPool
from flows.crews import DaskDownError, crew_for
from pipeline.domain.request import RunStatus
from tests.kit.research import PERIOD, SWEEP, ended, research_services

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dask_address():
    """A cluster of two worker processes on the loopback, without a dashboard."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address=None, worker_dashboard_address=None, silence_logs="ERROR",
    )  # fmt: skip
    try:
        yield cluster.scheduler_address
    finally:
        cluster.close(timeout=20)


async def table_of(run, services):
    assert run.status is RunStatus.COMPLETED, run.error
    csv = await services.archive.get(f"results/{run.run_id}_variants.csv")
    kept = ("plateau", "pbo", "standing", "chosen")
    return csv, {name: run.report[name] for name in kept}


async def test_dask_and_own_processes_give_the_same(tmp_path, dask_address):
    pool = CpuPool(2)
    async with research_services(tmp_path / "own", cpu=pool) as own:
        here = await table_of(await ended(SWEEP, own), own)
    async with research_services(tmp_path / "dask", dask_address=dask_address) as dask:
        there = await table_of(await ended(SWEEP, dask), dask)
    async with research_services(tmp_path / "inline") as inline:
        assert here == there == await table_of(await ended(SWEEP, inline), inline)


async def test_a_variant_that_fails_on_dask_is_listed_too(tmp_path, dask_address):
    text = f"/sweep Frank_raid_v1 {PERIOD} sweep.window.start=09:00|10:45 sweep.window.end=10:30"
    async with research_services(tmp_path, dask_address=dask_address) as services:
        run = await ended(text, services)
        assert run.status is RunStatus.COMPLETED, run.error
        assert run.report["failed"] == 1


async def test_no_cluster_at_the_address_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.tasks.BACKOFF", 0.001)
    monkeypatch.setattr(crews, "TIMEOUT", "0.3s")
    async with research_services(tmp_path, dask_address="tcp://127.0.0.1:9") as services:
        run = await ended(SWEEP, services)
        assert run.status is RunStatus.FAILED
        assert "The Dask cluster at tcp://127.0.0.1:9 doesn't answer" in run.error


async def test_a_missing_group_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    async with research_services(tmp_path, dask_address="tcp://127.0.0.1:9") as services:
        with pytest.raises(DaskDownError, match="run `make dask`"):
            async with crew_for(services, tmp_path):
                pass


def test_dask_is_not_imported_unless_it_is_set():
    code = "import flows.crews, flows.variants, sys; print('distributed' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "False", done.stderr


async def test_a_dead_process_is_replaced_once(tmp_path):
    class Flaky:
        calls = 0

        async def run(self, fn, *args):
            self.calls += 1
            if self.calls == 1:
                raise crews.ProcessDiedError("killed")
            return "done"

    crew = crews.LocalCrew(Flaky(), 2, tmp_path)
    assert await asyncio.wait_for(crew.test(None, [0]), 5) == "done"
