"""Prefect's shell around any story: one flow run a run, one task run a task."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from prefect.tasks import exponential_backoff

from flows.execution import execute_run
from flows.services import Services
from flows.tasks import (
    BACKOFF,
    JITTER,
    RETRIES,
    InterruptedRunError,
    SkipTaskError,
    Stop,
    worth_retrying,
)
from pipeline.domain.errors import CancelledRunError, LostRunError
from pipeline.domain.request import RunStatus

T = TypeVar("T")


@dataclass(frozen=True)
class Surroundings:
    """What the resident worker gives a flow besides its parameters."""

    services: Services
    stop: Stop


SURROUNDINGS: ContextVar[Surroundings] = ContextVar("surroundings")


async def run_shown(run_id: str, services: Services | None = None) -> State[Any]:
    """Execute the queued run `run_id` inside a flow run and return its final state."""
    around = SURROUNDINGS.get()
    chosen = services or around.services
    status = await execute_run(run_id, chosen, attempts=PrefectAttempts(run_id), stop=around.stop)
    return await _final_state(run_id, status, chosen)


async def _final_state(run_id: str, status: RunStatus | None, services: Services) -> State[Any]:
    run = await services.runs.get(run_id)
    if status is None:
        if run is not None and run.status is RunStatus.CANCELLED:
            return Cancelled(message="cancelled before it started")
        return Completed(message="nothing to do: the run was not queued")
    if status is RunStatus.COMPLETED:
        return Completed(message="completed")
    if status is RunStatus.FAILED:
        return Failed(message=run.error if run is not None else "failed")
    return Cancelled(message="cancelled" if status is RunStatus.CANCELLED else "interrupted")


@dataclass(frozen=True)
class PrefectAttempts:
    """Shows each task as a task run of its name, with Prefect's retries and the run_id as tag.

    Outputs stay in this process: Prefect sees states, not results.
    """

    run_id: str

    async def __call__(self, name: str, body: Callable[[], Awaitable[T]], stop: Stop) -> T:
        """Run the body as a Prefect task; `stop` is heeded by the body itself."""
        del stop
        last: list[tuple[bool, Any]] = []

        async def attempt() -> State[Any]:
            last.clear()
            try:
                last.append((True, await body()))
            except SkipTaskError as reason:
                last.append((False, reason))
                return Completed(name="Skipped", message=reason.user_text)
            except (CancelledRunError, InterruptedRunError, LostRunError) as reason:
                last.append((False, reason))
                return Cancelled(message=reason.user_text)
            except Exception as error:
                last.append((False, error))
                raise
            return Completed()

        shown = task(
            name=name,
            task_run_name=name,
            tags=[self.run_id],
            retries=RETRIES,
            retry_delay_seconds=exponential_backoff(backoff_factor=BACKOFF),
            retry_jitter_factor=JITTER,
            retry_condition_fn=_retry,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(attempt)
        state = await cast("Awaitable[State[Any]]", shown(return_state=True))
        if not last:
            raise RuntimeError(f"Prefect did not run {name}: {state.name} {state.message}")
        good, value = last[0]
        if not good:
            raise cast("Exception", value)
        return cast("T", value)


async def _retry(_task: Any, _task_run: Any, state: State[Any]) -> bool:
    """Tell Prefect whether trying again may help. Async: a sync one silently never retries."""
    return isinstance(state.data, BaseException) and worth_retrying(state.data)
