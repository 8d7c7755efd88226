"""The step runner: named tasks with records, retries, kept outputs, progress and a stop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel

from flows.state import RunState
from pipeline.domain.errors import AppError, CancelledRunError, LostRunError
from pipeline.domain.request import Run, TaskRecord

if TYPE_CHECKING:
    from flows.services import Services
from storage.telemetry import get_logger
from storage.tracing import span

log = get_logger(__name__)
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
RETRIES = 3
BACKOFF = 0.5
JITTER = 0.5
_SHORT = 80


class SkipTaskError(AppError):
    """An optional task has nothing to do; `user_text` is the reason."""


class InterruptedRunError(AppError):
    """The process is going down; the run goes back to the queue and is resumed later."""


StopReason = Literal["cancel", "shutdown", "lost"]


class Stop:
    """Tells a run to end: a person said so, the process goes down, or another has the run."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._reason: StopReason = "cancel"

    def set(self, reason: StopReason = "cancel") -> None:
        """Ask for the end; the first reason stays."""
        if not self._event.is_set():
            self._reason = reason
            self._event.set()

    def is_set(self) -> bool:
        """Tell whether the end was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise CancelledRunError, InterruptedRunError or LostRunError once it was asked for."""
        if not self._event.is_set():
            return
        if self._reason == "cancel":
            raise CancelledRunError("The run was cancelled.")
        if self._reason == "lost":
            raise LostRunError("The run is executed by another process.")
        raise InterruptedRunError("The program is going down; the run will be resumed.")

    async def during(self, work: Awaitable[T]) -> T:
        """Await `work`, giving it up as soon as the end is asked for."""
        job = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({job, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if job.done():
                return job.result()
            self.check()
            raise AssertionError("neither done nor stopped")
        finally:
            stopped.cancel()
            job.cancel()
            await asyncio.gather(job, stopped, return_exceptions=True)


class Attempts(Protocol):
    """How often and when a task's body is tried; Prefect brings its own."""

    async def __call__(self, name: str, body: Callable[[], Awaitable[T]], stop: Stop) -> T:
        """Return what the body returns at last, or raise what it raised last."""
        ...


@dataclass(frozen=True)
class PlainAttempts:
    """Retry with exponential backoff and jitter: about 0.5, 1 and 2 seconds.

    `sleep` and `rng` are given, so that tests don't wait and chance is repeatable.
    """

    rng: np.random.Generator
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    retries: int = RETRIES

    async def __call__(self, name: str, body: Callable[[], Awaitable[T]], stop: Stop) -> T:
        """Try up to `retries` + 1 times."""
        for tried in range(self.retries):
            try:
                return await body()
            except Exception as error:
                if not worth_retrying(error):
                    raise
                delay = BACKOFF * 2**tried * (1 + JITTER * self.rng.random())
                log.warning("task_retry", task=name, tried=tried + 1, delay_sec=round(delay, 2))
                await stop.during(self.sleep(delay))
        return await body()


def worth_retrying(error: BaseException) -> bool:
    """Tell whether trying again may help: outages and the unexpected, not what was judged."""
    return error.retryable if isinstance(error, AppError) else isinstance(error, Exception)


@dataclass(frozen=True)
class Note:
    """How far a long task is: the share that is done (0–1), and a line about it."""

    share: float
    text: str = ""


class Runner:
    """Runs one run's tasks in order and keeps the record of each.

    A task whose output is kept already is not run again. After each change the progress is
    told, and between tasks and while waiting a stop is heeded.
    """

    def __init__(
        self,
        run: Run,
        services: "Services",
        *,
        names: Sequence[str],
        attempts: Attempts,
        stop: Stop,
    ) -> None:
        self.run = run
        self.stop = stop
        self.state: RunState = services.state.of_run(run.run_id)
        self.names = tuple(names)
        self.records: dict[str, TaskRecord] = {}
        self.note: Note | None = None
        self._before = {record.task: record for record in run.tasks}
        self._services = services
        self._attempts = attempts
        self._changed: Callable[[], Awaitable[None]] | None = None

    def on_change(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Call `tell` after each change of a record."""
        self._changed = tell

    async def tell(self, note: Note) -> None:
        """Tell how far the running task is; call it about once a second, not more often."""
        self.note = note
        if self._changed is not None:
            await self._changed()

    async def critical(
        self,
        task: str,
        kind: type[M],
        work: Callable[[], Awaitable[M]],
        inputs: Mapping[str, Any] | None = None,
    ) -> M:
        """Return the task's output; its failure is raised and ends the run."""
        self.stop.check()
        kept = await asyncio.to_thread(self.state.kept, task, kind)
        if kept is not None:
            await self._record(self._kept_record(task, kept))
            return kept
        return await self._tried(task, work, dict(inputs or {}), keep=True)

    async def optional(
        self,
        task: str,
        kind: type[M],
        work: Callable[[], Awaitable[M]],
        inputs: Mapping[str, Any] | None = None,
        *,
        keep: bool = True,
    ) -> M | None:
        """Return the task's output, or None when it failed or had nothing to do.

        With `keep` false its output is not kept, so a rerun does it again.
        """
        try:
            if keep:
                return await self.critical(task, kind, work, inputs)
            self.stop.check()
            return await self._tried(task, work, dict(inputs or {}), keep=False)
        except (CancelledRunError, InterruptedRunError, LostRunError):
            raise
        except SkipTaskError:
            return None
        except Exception as error:  # noqa: BLE001  (an optional task never ends the run)
            log.warning(
                "optional_task_failed", run_id=self.run.run_id, task=task, error=str(error)
            )
            return None

    async def _tried(
        self, task: str, work: Callable[[], Awaitable[M]], inputs: dict[str, Any], *, keep: bool
    ) -> M:
        tries = 0
        begun = time.perf_counter()
        sized = {name: size(value) for name, value in inputs.items()}

        def record(status: Literal["running", "success", "failed", "skipped"]) -> TaskRecord:
            spent = round(time.perf_counter() - begun, 3)
            return TaskRecord(
                task=task, status=status, duration_sec=spent, attempt=max(tries, 1), inputs=sized
            )

        async def body() -> M:
            nonlocal tries
            tries += 1
            await self._record(record("running"))
            return await self.stop.during(work())

        try:
            with span("task", run_id=self.run.run_id, task=task):
                output = await self._attempts(task, body, self.stop)
            if keep:  # before the record says so: a crash in between must not lose it
                await asyncio.to_thread(self.state.keep, task, output)
        except SkipTaskError as reason:
            await self._record(record("skipped").model_copy(update={"error": reason.user_text}))
            raise
        except Exception as error:
            text = error.user_text if isinstance(error, AppError) else type(error).__name__
            await self._record(record("failed").model_copy(update={"error": text}), error)
            raise
        await self._record(record("success").model_copy(update={"outputs": sizes(output)}))
        return output

    def _kept_record(self, task: str, output: BaseModel) -> TaskRecord:
        before = self._before.get(task)
        if before is None or before.status != "success":
            before = TaskRecord(task=task, status="success", outputs=sizes(output))
        return before.model_copy(update={"outputs": {**before.outputs, "kept": True}})

    async def _record(self, record: TaskRecord, error: BaseException | None = None) -> None:
        self.records[record.task] = record
        self.note = None
        fields = record.model_dump(exclude_defaults=True)
        facts = error.facts if isinstance(error, AppError) else {}
        unexpected = error is not None and not isinstance(error, AppError)
        log.info("task", run_id=self.run.run_id, **fields, **_fresh(facts, fields),
                 exc_info=error if unexpected else None)  # fmt: skip
        now = self._services.clock()
        run = self.run
        await self._services.runs.record_task(run.run_id, record, now, run.claim)
        if self._changed is not None:
            await self._changed()


def _fresh(facts: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts under names that don't collide with the log line's own."""
    own = {*taken, "run_id", "event", "exc_info"}
    return {(f"fact_{name}" if name in own else name): value for name, value in facts.items()}


def sizes(output: BaseModel) -> dict[str, Any]:
    """Return a model's fields with long values replaced by their sizes."""
    return {name: size(getattr(output, name)) for name in type(output).model_fields}


def size(value: Any) -> Any:
    """Return short values as they are, of the rest how many there are."""
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}"
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return str(value)[:_SHORT]
    return f"{len(value)} items"
