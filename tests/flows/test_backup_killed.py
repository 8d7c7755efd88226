"""A backup whose process is killed leaves nothing that looks whole, and the next one clears up."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from flows import control
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.backup import BackupRequest
from pipeline.domain.request import Actor, Channel, RunStatus

ROOT = Path(__file__).parents[2]
BEGIN = """
import asyncio, os, signal, sys
from pathlib import Path
from flows import control
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.backup import BackupRequest
from pipeline.domain.request import Actor, Channel
from storage.backup import vault

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(vault, sys.argv[2], die)

async def begin(home):
    settings = Settings(_env_file=None, scout_home=home, use_prefect=False)
    async with open_services(settings, computes=False) as services:
        run = await control.launch(BackupRequest(), Actor(channel=Channel.CLI), services)
        await services.launcher.wait(run.run_id)

asyncio.run(begin(Path(sys.argv[1])))
"""


async def test_at_each_step(tmp_path):
    settings = Settings(_env_file=None, scout_home=tmp_path / "home", use_prefect=False)
    folder = settings.home / "backups"
    for step in ("pack", "_named"):
        done = subprocess.run(  # noqa: ASYNC221
            [sys.executable, "-c", BEGIN, settings.home, step],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
        assert [path.name[:5] for path in folder.iterdir()] == [".new_"], step
    async with open_services(settings, computes=False) as services:
        assert await services.backups.held(folder) == []
        run = await control.launch(BackupRequest(), Actor(channel=Channel.CLI), services)
        await services.launcher.wait(run.run_id)
        assert (await services.runs.get(run.run_id)).status is RunStatus.COMPLETED
        [kept] = await services.backups.held(folder)
        assert [path.name for path in folder.iterdir()] == [kept.name]
