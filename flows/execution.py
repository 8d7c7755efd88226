"""Executing a queued run: its story is told to the end, and its record says how it ended."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from flows.claims import kept_claim, run_lease
from flows.measuring import measure_run
from flows.progress import tell_error, tell_interrupted, tell_progress, tell_queue
from flows.services import Services
from flows.stories import story_of
from flows.tasks import Attempts, InterruptedRunError, Runner, Stop
from pipeline.domain.errors import AppError, CancelledRunError, LostRunError
from pipeline.domain.request import Run, RunStatus
from storage.telemetry import get_logger, run_context
from storage.tracing import span

log = get_logger(__name__)
CANCEL_POLL = 0.5


async def execute_run(
    run_id: str, services: Services, *, attempts: Attempts, stop: Stop
) -> RunStatus | None:
    """Take a queued run, run it and write its end. None: it was not queued, nothing was done."""
    async with _started(run_id, services) as run:
        if run is None:
            return None
        with run_context(run_id), span("run", run_id=run_id, flow_type=run.flow_type):
            return await _executed(run, services, attempts=attempts, stop=stop)


async def _executed(run: Run, services: Services, *, attempts: Attempts, stop: Stop) -> RunStatus:
    """Run a started run; return how it ended."""
    run_id, began = run.run_id, time.perf_counter()
    log.info("run_started", run_id=run_id, attempt=run.attempt, flow_type=run.flow_type,
             owner=run.owner)  # fmt: skip
    names = story_of(run).tasks
    runner = Runner(run, services, names=names, attempts=attempts, stop=stop)
    runner.on_change(
        lambda: tell_progress(
            run, services, status=RunStatus.RUNNING, records=runner.records, note=runner.note
        )
    )
    watch = asyncio.create_task(_watch_cancel(run_id, services, stop))
    try:
        async with kept_claim(run, services, stop):
            await tell_queue(services)
            status = await _to_the_end(run, services, runner)
    finally:
        services.cpu.refresh()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
    measure_run(run, status, time.perf_counter() - began)
    log.info("run_ended", run_id=run_id, attempt=run.attempt, status=status.value)
    return status


@asynccontextmanager
async def _started(run_id: str, services: Services) -> AsyncIterator[Run | None]:
    """Claim the run for the with block, and hold its lock: that is how a death is seen here.

    An attempt of this host that has lost its claim may still be ending: that is waited for.
    """
    lease = run_lease(services)
    until = time.monotonic() + 2 * lease.total_seconds()
    while True:
        with services.state.executing(run_id) as ours:
            if ours:
                owner, now = services.owner, services.clock()
                yield await services.runs.start(run_id, now, owner=owner, lease=lease)
                return
        run = await services.runs.get(run_id)
        if run is None or run.status is not RunStatus.QUEUED or time.monotonic() > until:
            yield None
            return
        await asyncio.sleep(CANCEL_POLL)


async def _to_the_end(run: Run, services: Services, runner: Runner) -> RunStatus:
    """Run the story; whatever happens, the run's record says so afterwards."""
    error, report = "", None
    try:
        story = story_of(run)
        request = story.request.model_validate(run.request)
        await asyncio.to_thread(services.state.take_up, run.run_id, run.attempt)
        report = await story.tell(request, run, services, runner)
        status = RunStatus.COMPLETED
    except LostRunError:
        return _given_up(run)
    except InterruptedRunError:
        again = await services.runs.requeue(run.run_id, services.clock(), claim=run.claim)
        if again is None:
            return _given_up(run)
        kept = run.model_copy(update={"tasks": tuple(runner.records.values())})
        await tell_interrupted(kept, services)
        return RunStatus.QUEUED
    except CancelledRunError as reason:
        status, error = RunStatus.CANCELLED, reason.user_text
    except Exception as failure:  # noqa: BLE001  (a run must never stay "running")
        status, error = RunStatus.FAILED, await _tell_failure(run, services, runner, failure)
    ours = await services.runs.finish(
        run.run_id,
        status,
        services.clock(),
        error=error,
        report=None if report is None else report.model_dump(mode="json"),
        claim=run.claim,
    )
    if not ours:
        return _given_up(run)
    await tell_progress(run, services, status=status, records=runner.records)
    return status


def _given_up(run: Run) -> RunStatus:
    """Leave the run to whoever has it now: nothing of this attempt is written any more."""
    log.warning("run_lost_to_another", run_id=run.run_id, attempt=run.attempt)
    return RunStatus.QUEUED


async def _tell_failure(run: Run, services: Services, runner: Runner, error: Exception) -> str:
    """Log a failure with its reference, owe the chat one kind line, and return that line."""
    failed = [record.task for record in runner.records.values() if record.status == "failed"]
    where = failed[-1] if failed else "the start"
    known = isinstance(error, AppError)
    text = error.user_text if known else f"{where} failed unexpectedly; the log has the details."  # type: ignore[attr-defined]
    reference = await tell_error(run, services, where, text)
    log.error("run_failed", run_id=run.run_id, reference=reference, task=where,
              error=repr(error), error_kind=type(error).__name__,
              exc_info=None if known else error)  # fmt: skip
    return f"{text} [{reference}]"


async def _watch_cancel(run_id: str, services: Services, stop: Stop) -> None:
    """Set `stop` soon after a person has asked for the run's end."""
    while not stop.is_set():
        await asyncio.sleep(CANCEL_POLL)
        try:
            run = await services.runs.get(run_id)
        except AppError as error:
            log.warning("cancel_not_read", run_id=run_id, error=str(error))
            continue
        if run is not None and run.cancel_requested:
            stop.set("cancel")
