"""Finds runs that a dead process left behind, and brings them back to work."""

import time

from flows.progress import tell_error, tell_interrupted, tell_progress
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.request import Run, RunStatus, TaskRecord
from storage.telemetry import get_logger

log = get_logger(__name__)
MOST_ATTEMPTS = 5
KEEP_STATE_DAYS = 14
_MANY = 1000


async def recover(services: Services) -> list[str]:
    """Resume orphaned runs and make sure that queued ones will start; return their ids.

    A run is an orphan if its record says running and no living process holds its lock.
    """
    back = [run for run in await _newest(services, RunStatus.RUNNING) if _orphaned(run, services)]
    resumed = [again for run in back if (again := await _requeued(run, services)) is not None]
    waiting = await _newest(services, RunStatus.QUEUED)
    for run in waiting:
        try:
            await services.launcher.resume(run, services)
        except AppError as error:
            log.warning("resume_failed", run_id=run.run_id, error=str(error), **error.facts)
    swept = services.state.sweep(time.time() - KEEP_STATE_DAYS * 86_400)
    if resumed or swept:
        log.info("recovered", runs=[run.run_id for run in resumed], swept=len(swept))
    return [run.run_id for run in resumed]


async def _newest(services: Services, status: RunStatus) -> list[Run]:
    """Return the runs of a status, oldest first."""
    return list(reversed(await services.runs.newest(_MANY, status=status)))


def _orphaned(run: Run, services: Services) -> bool:
    return not services.state.executed(run.run_id)


async def _requeued(run: Run, services: Services) -> Run | None:
    """Put an orphan back into the queue; one that was to be cancelled, or kills, ends here."""
    await services.launcher.gone(run)
    now = services.clock()
    if run.cancel_requested:
        await services.runs.finish(run.run_id, RunStatus.CANCELLED, now)
        await tell_progress(run, services, status=RunStatus.CANCELLED, records=_records(run))
        return None
    if run.attempt >= MOST_ATTEMPTS:
        text = f"The run ended its process {run.attempt} times; it is not tried again."
        await services.runs.finish(run.run_id, RunStatus.FAILED, now, error=text)
        await tell_progress(run, services, status=RunStatus.FAILED, records=_records(run))
        reference = await tell_error(run, services, "recovery", text)
        log.error("run_given_up", run_id=run.run_id, attempt=run.attempt, reference=reference)
        return None
    log.warning("orphan_found", run_id=run.run_id, attempt=run.attempt)
    again = await services.runs.requeue(run.run_id, now)
    if again is not None:
        await tell_interrupted(run, services)
    return again


def _records(run: Run) -> dict[str, TaskRecord]:
    return {record.task: record for record in run.tasks}
