"""Hosts of one set, as processes of this machine: what they share, and workers that can die."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from flows.services import Services, open_services
from flows.settings import Settings
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, Run
from storage.database import migrate, open_database
from storage.tables import OUTBOX
from tests.kit.plain_services import NOW, wavy_bars
from tests.kit.prefect_server import WorkerProcess
from tests.kit.s3 import S3

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-01-10..2025-12-30"


class SharedPlaces:
    """Where all hosts look: database, Redis, Prefect, shared storage."""

    def __init__(self, database_url: str, redis_url: str, s3: S3, lease: float = 3.0) -> None:
        self.database_url = database_url
        self.env = {
            "DATABASE_URL": database_url, "REDIS_URL": redis_url, "RUN_LEASE": str(lease),
            "LOG_FORMAT": "json", **s3.environment(f"s3://{s3.bucket()}/set"),
        }  # fmt: skip

    def settings(self, home: Path, api_url: str) -> Settings:
        """Return the settings of a process on a host."""
        named = {name.lower(): value for name, value in self.env.items()}
        return Settings(_env_file=None, scout_home=home, prefect_api_url=api_url, **named)

    async def prepare(self) -> None:
        """Make the tables."""
        await migrate(self.database_url)

    @asynccontextmanager
    async def front(self, home: Path, api_url: str) -> AsyncIterator[Services]:
        """Services of a process that launches runs and executes none."""
        async with open_services(self.settings(home, api_url), computes=False) as services:
            yield services

    async def owed(self, kind: str) -> int:
        """Return how many deliveries of a kind were ever owed."""
        database = open_database(self.database_url)
        query = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.kind == kind)
        async with database.engine.connect() as connection:
            count = (await connection.execute(query)).scalar_one()
        await database.close()
        return int(count)


class WorkerHost(WorkerProcess):
    """A host with a home of its own and a worker, which dies with its children."""

    def __init__(self, home: Path, api_url: str, shared: SharedPlaces, **env: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(home, api_url, **shared.env, **env)

    def owns(self, run: Run) -> bool:
        """Tell whether this host executes the run."""
        path = self.home / "host"
        return path.exists() and f"-{path.read_text()}:" in run.owner

    def kill(self) -> None:
        """End worker and computing processes at once, as a power cut would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def freeze(self, *, still: bool) -> None:
        """Stop the host in time, or let it go on."""
        os.killpg(self.process.pid, signal.SIGSTOP if still else signal.SIGCONT)


async def hold_bars(services: Services, days: int = 365) -> None:
    """Put a year of bars where all hosts read them."""
    bars = wavy_bars(days=days, start="2025-01-01")
    await services.bars.merge("EURUSD", Timeframe.M5, bars, source="test", now=NOW)


async def reached(services: Services, run_id: str, test: Any, seconds: float = 90) -> Run:
    """Return the run once `test(run)` holds."""
    until = time.monotonic() + seconds
    while True:
        run = await services.runs.get(run_id)
        if test(run):
            return run
        if time.monotonic() > until:
            raise TimeoutError(f"{run_id} is {run.status} of {run.owner}: {run.tasks}")
        await asyncio.sleep(0.02)


def at_task(task: str) -> Any:
    """Return the test that a run is in a task or beyond."""
    return lambda run: run.status.ended or any(record.task == task for record in run.tasks)
