"""Finds runs that a dead process left behind, and brings them back to work.

Of this host the kernel tells at once which process lives (its lock), of others the lease does.
"""

import asyncio
import itertools
import time

from flows.hosts import same_host
from flows.progress import tell_error, tell_interrupted, tell_progress
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.request import Run, RunStatus, TaskRecord
from storage.telemetry import get_logger

log = get_logger(__name__)
MOST_ATTEMPTS = 5
_MANY = 1000
LOOK_EVERY = 5.0
_EVERY = round(30.0 / LOOK_EVERY)


async def recover(services: Services) -> list[str]:
    """Resume orphaned runs and make sure that queued ones will start; return their ids.

    A run is an orphan if its record says running and no living process of this host holds its
    lock, or if its lease has run out.
    """
    mine = [run for run in await _newest(services, RunStatus.RUNNING) if _dead_here(run, services)]
    resumed = [again for run in mine if (again := await _requeued(run, services)) is not None]
    resumed += await _lapsed(services)
    for run in await _newest(services, RunStatus.QUEUED):
        await _launched(run, services)
    swept = services.state.sweep(time.time() - services.settings.state_days * 86_400)
    if resumed or swept:
        log.info("recovered", runs=[run.run_id for run in resumed], swept=len(swept))
    return [run.run_id for run in resumed]


async def recover_often(services: Services) -> None:
    """Do so every half minute, until cancelled; what a host that went away had, sooner."""
    for turn in itertools.count():
        try:
            await (take_over(services) if turn % _EVERY else recover(services))
        except Exception:
            log.exception("recovery_failed")
        await asyncio.sleep(LOOK_EVERY)


async def take_over(services: Services) -> list[str]:
    """Bring back the runs whose lease has run out, whichever host had them; return their ids.

    One short query where there are none: ask often.
    """
    taken = await _lapsed(services)
    for run in taken:
        await _launched(run, services)
    return [run.run_id for run in taken]


async def _lapsed(services: Services) -> list[Run]:
    back = [run for run in await services.runs.lapsed() if not _alive_here(run, services)]
    taken = [await _requeued(run, services, lapsed=True) for run in back]
    return [run for run in taken if run is not None]


async def _launched(run: Run, services: Services) -> None:
    try:
        await services.launcher.resume(run, services)
    except AppError as error:
        log.warning("resume_failed", run_id=run.run_id, error=str(error), **error.facts)


async def _newest(services: Services, status: RunStatus) -> list[Run]:
    """Return the runs of a status, oldest first."""
    return list(reversed(await services.runs.newest(_MANY, status=status)))


def _dead_here(run: Run, services: Services) -> bool:
    here = not run.owner or same_host(run.owner, services.owner)
    return here and not services.state.executed(run.run_id)


def _alive_here(run: Run, services: Services) -> bool:
    return same_host(run.owner, services.owner) and services.state.executed(run.run_id)


async def _requeued(run: Run, services: Services, *, lapsed: bool = False) -> Run | None:
    """Put an orphan back into the queue; one that was to be cancelled, or kills, ends here."""
    await services.launcher.gone(run)
    now = services.clock()
    if run.cancel_requested:
        if await services.runs.finish(run.run_id, RunStatus.CANCELLED, now, claim=run.claim):
            await tell_progress(run, services, status=RunStatus.CANCELLED, records=_records(run))
        return None
    if run.attempt >= MOST_ATTEMPTS:
        text = f"The run ended its process {run.attempt} times; it is not tried again."
        failed = RunStatus.FAILED
        if not await services.runs.finish(run.run_id, failed, now, error=text, claim=run.claim):
            return None
        await tell_progress(run, services, status=failed, records=_records(run))
        reference = await tell_error(run, services, "recovery", text)
        log.error("run_given_up", run_id=run.run_id, attempt=run.attempt, reference=reference)
        return None
    again = await services.runs.requeue(run.run_id, now, claim=run.claim, lapsed=lapsed)
    if again is not None:
        log.warning("orphan_found", run_id=run.run_id, attempt=run.attempt, owner=run.owner)
        await tell_interrupted(run, services)
    return again


def _records(run: Run) -> dict[str, TaskRecord]:
    return {record.task: record for record in run.tasks}
