"""Upkeep under crashes: whoever dies at any step leaves nothing half, and the next one ends it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from pipeline.domain.request import Actor, Channel, RunStatus, TaskRecord
from tests.kit.stores import Stores
from tests.kit.upkeep_worker import NOW, OLD, path_of, run_of, stray_of

ROOT = Path(__file__).parents[2]
SPARE = 30  # things that are there before anything dies; more than any deed has steps
ANNA = Actor(channel=Channel.CLI, name="anna")


@pytest.fixture
async def old_stores(store_url, tmp_path):
    if store_url is None:
        pytest.skip("memory dies with its process")
    made = Stores(store_url, tmp_path / "archive", clock=lambda: OLD)
    yield made
    await made.close()


async def die_at_every_step(stores, folder, what: str) -> int:
    words = "-m", "tests.kit.upkeep_worker", stores.url, str(folder), what
    worker = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(150):
        said, _ = await worker.communicate()
    assert worker.returncode == 0
    steps = int(said)
    assert 3 < steps < SPARE
    return steps


async def test_a_file_never_outlives_its_row(old_stores, tmp_path):
    archive, folder = old_stores.archive(), tmp_path / "archive"
    for n in range(SPARE):
        await archive.put(path_of(n), b"x", run_id="r", role="equity", media_type="image/png")
    steps = await die_at_every_step(old_stores, folder, "files")
    rows = {file.path for file in await archive.of_run("r")}
    files = {f"results/{path.name}" for path in (folder / "results").iterdir()}
    assert files <= rows
    lost = set((await old_stores.upkeep().files.compare(NOW)).lost)
    assert lost == rows - files
    assert lost  # some died between the two
    assert SPARE - steps <= len(files) < SPARE
    old = [file.path for file in await old_stores.upkeep().files.old(NOW)]
    assert set(old) == rows
    await old_stores.upkeep().files.forget(old, NOW)
    assert list((folder / "results").iterdir()) == []
    assert await archive.of_run("r") == []


async def test_a_stray_file_is_there_or_gone(old_stores, tmp_path):
    folder = tmp_path / "archive"
    (folder / "results").mkdir(parents=True)
    for n in range(SPARE):
        path = folder / stray_of(n)
        path.write_bytes(b"x")
        os.utime(path, (OLD.timestamp(), OLD.timestamp()))
    await die_at_every_step(old_stores, folder, "strays")
    left = (await old_stores.upkeep().files.compare(NOW)).strays
    assert 0 < len(left) < SPARE
    await old_stores.upkeep().files.remove_strays(list(left), NOW)
    assert list((folder / "results").iterdir()) == []


async def test_a_run_goes_with_its_tasks_or_stays_with_them(old_stores, tmp_path):
    runs = old_stores.runs()
    for n in range(SPARE):
        run = await runs.create("bt", "backtest_flow", {}, ANNA, OLD)
        assert run.run_id == run_of(n)
        await runs.record_task(run.run_id, TaskRecord(task="a", status="success"), OLD)
        await runs.start(run.run_id, OLD)
        await runs.finish(run.run_id, RunStatus.COMPLETED, OLD)
    await die_at_every_step(old_stores, tmp_path, "runs")
    left = await runs.newest(100)
    assert 0 < len(left) < SPARE
    assert {len(run.tasks) for run in left} == {1}
    rows = old_stores.upkeep().rows
    assert await rows.forget_runs(await rows.old_runs(NOW), NOW) == len(left)
