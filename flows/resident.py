"""The resident Prefect worker: flows run in its own loop, 0.3 s after they are launched.

Prefect's own process worker starts a process for each run and needs 5–8 s for it. Here events
wake the worker (polling is the fallback), and what computes sits in the warm pool.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from typing import Any
from uuid import UUID

import anyio.abc
import prefect.flow_engine
from prefect.client.schemas.objects import FlowRun
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.flow_engine import run_flow_async
from prefect.workers.base import (
    BaseJobConfiguration,
    BaseVariables,
    BaseWorker,
    BaseWorkerResult,
)

from flows.deployed_flows import FLOWS
from flows.deploying import register
from flows.prefect_shell import SURROUNDINGS, Surroundings
from flows.registry import POOL, POOL_TYPE, flow_object, keep_registered
from flows.services import Services
from flows.tasks import Stop
from storage.telemetry import get_logger

log = get_logger(__name__)
SCHEDULED = "prefect.flow-run.Scheduled"
CANCELLING = "prefect.flow-run.Cancelling"
POLL = 2.0
SYNC = 15.0
_PREFIX = "prefect.flow-run."

# A flow run would put Prefect's SIGTERM handler in place of the worker's, and the worker's end
# would crash the flow instead of waiting for it or giving it back to the queue.
setattr(prefect.flow_engine, "capture_sigterm", nullcontext)  # noqa: B010


class ResidentResult(BaseWorkerResult):
    """How a flow run ended, as far as the worker is concerned."""


class ResidentWorker(BaseWorker[BaseJobConfiguration, BaseVariables, ResidentResult]):
    """Runs the flows of the registry in this process, at most `limit` at a time.

    `poll` is how often the server is asked when no event came, in seconds.
    """

    type = POOL_TYPE

    def __init__(
        self, services: Services, pool: str = POOL, *, limit: int | None = None, poll: float = POLL
    ) -> None:
        limit = limit or services.settings.max_parallel_runs
        super().__init__(work_pool_name=pool, name=f"scout-{services.owner}", limit=limit)
        self._pool = pool
        self._poll_every = poll
        self._services = services
        self._stops: dict[UUID, Stop] = {}
        self._draining = False
        self._registered = False
        self._wake = asyncio.Event()
        self.ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,  # noqa: ARG002  (the base class gives it)
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ResidentResult:
        """Run the flow run's flow here, and say that it began at once."""
        stop = self._stops[flow_run.id] = Stop()
        self._idle.clear()
        SURROUNDINGS.set(Surroundings(self._services, stop))
        if task_status is not None:
            task_status.started(os.getpid())
        try:
            flow = flow_object(FLOWS[await self._flow_name(flow_run)])
            await run_flow_async(
                flow, flow_run=flow_run, parameters=flow_run.parameters, return_type="state"
            )
        finally:
            del self._stops[flow_run.id]
            if not self._stops:
                self._idle.set()
        return ResidentResult(identifier=str(flow_run.id), status_code=0)

    async def serve(self, stopping: asyncio.Event, grace: float) -> None:
        """Work until `stopping` is set; then let runs end, or requeue them after `grace` s.

        Unlike `BaseWorker.start` this outlasts the server's absence: what fails is tried again.
        """
        async with self:
            loops = [
                asyncio.create_task(_forever("poll", self._poll, POLL)),
                asyncio.create_task(_forever("sync", self._sync, SYNC)),
                asyncio.create_task(_forever("events", self._listen, 1.0)),
            ]
            await stopping.wait()
            self._draining = True
            await self._drain(grace)
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Take a flow run and run it here.

        The base class prepares infrastructure: six more calls to the server before the first
        line of the flow, for labels, job templates and a process id that don't exist here.
        """
        try:
            if await self._propose_pending_state(flow_run):
                await self.run(flow_run, BaseJobConfiguration())
        except Exception:
            log.exception("flow_run_lost", flow_run=flow_run.name)
        finally:
            self._submitting_flow_run_ids.discard(flow_run.id)
            if self._cancelling_observer is not None:
                self._cancelling_observer.remove_in_flight_flow_run_id(flow_run.id)
            self._release_limit_slot(flow_run.id)
            self._wake.set()

    async def _flow_name(self, flow_run: FlowRun) -> str:
        return (await self.client.read_flow(flow_run.flow_id)).name

    async def _poll(self) -> None:
        """Take what is scheduled, now or as soon as something wakes us."""
        if not self._draining:
            await self.get_and_submit_flow_runs()
        try:
            async with asyncio.timeout(self._poll_every):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
        if not self._draining:
            await self.get_and_submit_flow_runs()

    async def _sync(self) -> None:
        """Beat, and put pool and deployments back should the server have lost them."""
        if not self._registered:
            await register(self._services)
            self._registered = True
        await keep_registered(self.client, self._services)
        await self._sync_and_initialize()
        if not self.ready.is_set():
            log.info("worker_ready", pool=self._pool, limit=self._limit)
            self.ready.set()

    async def _listen(self) -> None:
        """Wake at scheduled runs, and pass on that one is to be cancelled."""
        wanted = EventFilter(event=EventNameFilter(name=[SCHEDULED, CANCELLING]))
        async with get_events_subscriber(wanted, reconnection_attempts=0) as events:
            async for event in events:
                if event.event == SCHEDULED:
                    self._wake.set()
                    continue
                number = event.resource.id.removeprefix(_PREFIX)
                stop = self._stops.get(UUID(number))
                if stop is not None:
                    stop.set("cancel")

    async def _drain(self, grace: float) -> None:
        """Wait for the runs under way; those that take longer are told to go back."""
        for seconds, reason in ((grace, None), (grace, "shutdown")):
            if reason is not None:
                for stop in self._stops.values():
                    stop.set("shutdown")
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._idle.wait()


async def _forever(name: str, work: Callable[[], Awaitable[Any]], pause: float) -> None:
    """Repeat `work`; `poll` paces itself, the rest pauses in between and after failures."""
    down = False
    while True:
        try:
            await work()
            if down:
                log.info("prefect_is_back", loop=name)
            down = False
            if name == "poll":
                continue
        except Exception as error:  # noqa: BLE001  (whatever Prefect raises, the worker stays)
            if not down:
                log.warning("prefect_unreachable", loop=name, error=repr(error)[:300])
            down = True
        await asyncio.sleep(pause)
