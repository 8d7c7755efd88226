"""Waiting for a run on the command line, wherever it is executed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from flows.cli_views import task_line
from flows.ingest import ensure_sample
from flows.launcher import InProcessLauncher, PrefectLauncher
from flows.progress import place_of
from flows.services import Services, open_services
from flows.settings import Settings
from pipeline.domain.request import Run

_LOOK = 0.1


@asynccontextmanager
async def ready_services(settings: Settings) -> AsyncIterator[Services]:
    """Open the services, with the sample where nothing is held.

    Where no Prefect server answers, runs are executed in this process.
    """
    async with open_services(settings) as services:
        await ensure_sample(services, services.clock())
        launcher = services.launcher
        if isinstance(launcher, PrefectLauncher) and not await launcher.answers():
            own = InProcessLauncher(settings.max_parallel_runs)
            try:
                yield replace(services, launcher=own)
            finally:
                await own.close()
        else:
            yield services


async def follow(
    run: Run, services: Services, tell: Callable[[str], None], *, wait: bool = True
) -> Run | None:
    """Tell a run's tasks as they end, and return the ended run.

    None if nobody waits. A run in this process is waited for in any case: it ends with it.
    Interrupting (Ctrl-C) cancels a run in this process and leaves others alone.
    """
    here = isinstance(services.launcher, InProcessLauncher)
    if not (wait or here):
        return None
    try:
        return await _until_ended(run, services, tell)
    except asyncio.CancelledError:
        if here:
            await services.runs.request_cancel(run.run_id, services.clock())
            await services.launcher.cancel(run)
        raise


async def _until_ended(run: Run, services: Services, tell: Callable[[str], None]) -> Run:
    told: set[str] = set()
    place: int | None = None
    while True:
        now = await services.runs.get(run.run_id)
        assert now is not None  # noqa: S101  (runs are never deleted)
        for record in now.tasks:
            if record.status != "running" and record.task not in told:
                told.add(record.task)
                tell(task_line(record))
        if now.status.ended:
            return now
        here = await place_of(now, services)
        if here is not None and here != place:
            tell(f"  waiting, place {here}")
        place = here
        await asyncio.sleep(_LOOK)
