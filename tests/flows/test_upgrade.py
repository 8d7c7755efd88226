"""A backtest begun by the release before is ended by this one, and told once."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from flows.recovery import recover
from flows.services import open_services
from flows.settings import Settings
from flows.state import RunState
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import RunStatus, TaskRecord
from storage.revisions import known_revisions
from tests.kit.plain_services import InlineCpu, wavy_bars
from tests.kit.release_before import unpacked

BEGIN = """
import asyncio, os, signal, sys
from dataclasses import replace
from pathlib import Path
import pandas as pd
from flows import control, state
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel

keep = state.RunState.keep

def keep_and_die(self, task, output):
    keep(self, task, output)
    if task == "data_processor":
        os.kill(os.getpid(), signal.SIGKILL)

state.RunState.keep = keep_and_die

class InPlace:
    async def run(self, fn, *args, **kwargs):
        return fn(*args, **kwargs)

    def refresh(self):
        pass

async def begin(home, bars):
    settings = Settings(_env_file=None, scout_home=home, use_prefect=False)
    async with open_services(settings) as opened:
        services = replace(opened, cpu=InPlace())
        frame = pd.read_pickle(bars)
        await services.bars.merge("EURUSD", Timeframe.M5, frame, source="test", now=services.clock())
        chat = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
        text = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
        run = await control.launch_text(text, chat, services)
        Path("run_id").write_text(run.run_id)
        await services.launcher.wait(run.run_id)

if __name__ == "__main__":
    asyncio.run(begin(sys.argv[1], sys.argv[2]))
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A home in which the release before died in the middle of a backtest, and the run's id."""
    folder = tmp_path_factory.mktemp("before")
    code = unpacked(folder / "code")
    revisions = sorted(p.name[:4] for p in (code / "storage/migrations/versions").glob("0*.py"))
    assert revisions == known_revisions()[:-1]
    wavy_bars().to_pickle(folder / "bars.pickle")
    script, home = code / "begin.py", folder / "home"
    script.write_text(BEGIN)
    done = subprocess.run(
        [sys.executable, script, home, folder / "bars.pickle"],
        env={**os.environ, "PYTHONPATH": str(code)}, cwd=code, capture_output=True,
        text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    return home, (code / "run_id").read_text()


async def reports(services, run_id):
    found, now = [], services.clock()
    while claimed := await services.outbox.claim(now, lease=services.clock() - now, limit=50):
        for each in claimed:
            await services.outbox.ack(each.id, services.clock(), [each.id])
        found += claimed
    return [d for d in found if d.kind is DeliveryKind.REPORT and d.payload["run_id"] == run_id]


async def test_it_is_ended_by_this_version_and_told_once(begun):
    home, run_id = begun
    settings = Settings(_env_file=None, scout_home=home, use_prefect=False)
    async with open_services(settings) as opened:
        services = replace(opened, cpu=InlineCpu())
        before = await services.runs.get(run_id)
        assert before.status is RunStatus.RUNNING
        assert [t.task for t in before.tasks if t.status == "success"] == [
            "data_ingest"
        ]  # it died between keeping the second one's output and writing that down
        async with asyncio.timeout(60):  # if hosts were named otherwise then, its lease must lapse
            while await recover(services) != [run_id]:
                await asyncio.sleep(1)
        await services.launcher.wait(run_id)
        run = await services.runs.get(run_id)
        assert (run.status, run.attempt) == (RunStatus.COMPLETED, 2), run.error
        assert await recover(services) == []
        [report] = await reports(services, run_id)
        assert report.payload["report"]["run_id"] == run_id
        assert await services.archive.get(f"results/{run_id}.json")


def test_what_an_older_form_left_counts_as_not_done(tmp_path):
    state = RunState(tmp_path)
    state.keep("data_ingest", TaskRecord(task="data_ingest", status="success"))
    assert state.kept("data_ingest", TaskRecord) is not None
    for left in ('{"name": "data_ingest"}', '{"task": "data_ingest", "status": "fine"}', "{", ""):
        (tmp_path / "data_ingest.json").write_text(left)
        assert state.kept("data_ingest", TaskRecord) is None, left
