"""How an accepted run is started: through Prefect, or in this process where there is none."""

import asyncio
import base64
import heapq
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import numpy as np

from flows.tasks import PlainAttempts, Stop
from pipeline.domain.errors import ServiceError
from pipeline.domain.request import Run, RunStatus

if TYPE_CHECKING:
    from flows.services import Services
from storage.telemetry import get_logger

log = get_logger(__name__)
_STALE = timedelta(seconds=30)
_OK = 400
_NOT_FOUND = 404
_EMPTY = 204


class LaunchError(ServiceError):
    """The scheduler doesn't take the run."""


class Launcher(Protocol):
    """Starts queued runs; the run's record stays the truth about it."""

    async def launch(self, run: Run, services: "Services") -> None:
        """Start it; the same run and attempt started twice runs once."""
        ...

    async def cancel(self, run: Run) -> None:
        """Tell whoever executes it to stop; unknown runs are no error."""
        ...

    async def resume(self, run: Run, services: "Services") -> None:
        """Make sure that a queued run will start, whatever became of its launch."""
        ...

    async def gone(self, run: Run) -> None:
        """Note that the process which executed the run's attempt is dead."""
        ...

    async def set_paused(self, deployment: str, *, paused: bool) -> None:
        """Tell whoever shows deployments that `flow/deployment` is paused, or no longer."""
        ...

    async def answers(self) -> bool:
        """Tell whether runs can be launched now."""
        ...

    async def close(self) -> None:
        """End what was started in this process."""
        ...


class PrefectLauncher:
    """Starts runs as flow runs of their deployment on a Prefect server.

    It speaks the server's HTTP API itself (`create_flow_run_from_deployment` is this one call):
    the bot and the CLI then need not spend 1.8 s and 100 MB on importing Prefect.
    """

    def __init__(self, api_url: str, *, auth: str | None = None, timeout: float = 5.0) -> None:
        self._api = api_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._deployments: dict[str, dict[str, Any]] = {}
        self._headers = {}
        if auth:
            self._headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"

    async def launch(self, run: Run, services: "Services") -> None:
        """Create the flow run, named by the run_id; see `flow_run_key`."""
        del services
        for _ in range(2):  # a server with a new database gives the deployment a new id
            deployment = await self._deployment(run)
            body = {
                "name": run.run_id,
                "parameters": {**deployment["parameters"], "run_id": run.run_id},
                "tags": [*deployment["tags"], run.run_id],
                "work_queue_name": queue_of(run.priority),
                "idempotency_key": flow_run_key(run),
                "state": {"type": "SCHEDULED", "name": "Scheduled"},
            }
            path = f"/deployments/{deployment['id']}/create_flow_run"
            if await self._call("POST", path, body) is not None:
                return
            self._deployments.clear()
        raise LaunchError("The scheduler lost its deployments; try again shortly.")

    async def _deployment(self, run: Run) -> dict[str, Any]:
        """Return the server's record of the run's deployment; if it is gone, its flow's own."""
        names = {deployment_of(run.flow_type, run.deployment), deployment_of(run.flow_type)}
        for name in sorted(names, key=lambda name: not name.endswith(f"/{run.deployment}")):
            if name not in self._deployments:
                found = await self._call("GET", f"/deployments/name/{name}")
                if found is None:
                    continue
                self._deployments[name] = found
            return self._deployments[name]
        raise LaunchError(
            f"No deployment of {run.flow_type} is registered. The worker does it when it starts; "
            "if it was removed, `scout deploy` brings it back."
        )

    async def cancel(self, run: Run) -> None:
        """Set the flow run Cancelling (running) or Cancelled (not yet started)."""
        flow_run = await self.find(run)
        if flow_run is None or flow_run["state_type"] in ENDED:
            return
        if flow_run["state_type"] == "SCHEDULED":
            await self._set_state(flow_run, "CANCELLED", "Cancelled")
        else:
            await self._set_state(flow_run, "CANCELLING", "Cancelling")

    async def find(self, run: Run) -> dict[str, Any] | None:
        """Return Prefect's record of the run's present attempt, or None."""
        wanted = {"flow_runs": {"idempotency_key": {"any_": [flow_run_key(run)]}}, "limit": 1}
        found = await self._call("POST", "/flow_runs/filter", wanted)
        return found[0] if found else None

    async def resume(self, run: Run, services: "Services") -> None:
        """Launch a run the server has lost, revive one whose worker died before it began."""
        flow_run = await self.find(run)
        if flow_run is None:
            await self.launch(run, services)
        elif flow_run["state_type"] == "CANCELLED":
            await services.runs.request_cancel(run.run_id, services.clock())
        elif flow_run["state_type"] in ENDED:
            text = "The scheduler ended the run before it began; it can be run again."
            await services.runs.finish(run.run_id, RunStatus.FAILED, services.clock(), error=text)
        elif flow_run["state_type"] != "SCHEDULED" and _age(flow_run, services) > _STALE:
            await self._set_state(flow_run, "SCHEDULED", "Scheduled", force=True)

    async def gone(self, run: Run) -> None:
        """Mark the attempt crashed, so that Prefect shows it as it is."""
        try:
            flow_run = await self.find(run)
            if flow_run is not None and flow_run["state_type"] not in ENDED:
                await self._set_state(flow_run, "CRASHED", "Crashed", force=True)
        except LaunchError as error:  # Prefect's view is advisory; ours counts
            log.warning("crash_not_told", run_id=run.run_id, error=str(error))

    async def _set_state(
        self, flow_run: dict[str, Any], kind: str, name: str, *, force: bool = False
    ) -> None:
        body = {"state": {"type": kind, "name": name}, "force": force}
        await self._call("POST", f"/flow_runs/{flow_run['id']}/set_state", body)

    async def set_paused(self, deployment: str, *, paused: bool) -> None:
        """Pause or resume it on the server; what it doesn't hold is no error."""
        found = await self._call("GET", f"/deployments/name/{deployment}")
        if found is not None:
            await self._call("PATCH", f"/deployments/{found['id']}", {"paused": paused})

    async def answers(self) -> bool:
        """Tell whether the server is up."""
        try:
            await self._call("GET", "/health")
        except LaunchError:
            return False
        return True

    async def close(self) -> None:
        """Nothing was started in this process."""

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, headers=self._headers) as session,
                session.request(method, self._api + path, json=body) as response,
            ):
                if response.status == _NOT_FOUND:
                    return None
                if response.status >= _OK:
                    text = (await response.text())[:500]
                    raise LaunchError(
                        "The scheduler refused the run.", status=response.status, answer=text
                    )
                return await response.json() if response.status != _EMPTY else {}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LaunchError(
                "The scheduler doesn't answer; is it running?", cause=repr(error)
            ) from error


def queue_of(priority: int) -> str:
    """Return the name of the queue, in each pool, for runs of that priority."""
    return f"priority-{priority}"


def deployment_of(flow_type: str, deployment: str = "") -> str:
    """Return `flow/deployment` as Prefect names it; without a deployment the flow's own."""
    return f"{flow_type}/{deployment or flow_type + '_prod'}"


ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


def flow_run_key(run: Run) -> str:
    """Return the key under which a run's attempt is created at most once.

    The moment of creation is in it because a new database counts run ids from 1 again, and a
    server that outlived the old one would answer with that day's run.
    """
    return f"{run.run_id}:{run.attempt}:{run.created_at:%H%M%S%f}"


def _age(flow_run: dict[str, Any], services: "Services") -> timedelta:
    return services.clock() - datetime.fromisoformat(flow_run["state"]["timestamp"])


class InProcessLauncher:
    """Runs flows in this process's event loop, at most `limit` at a time, by priority, then age.

    Warnings
    --------
    Runs end with the process: they go back to the queue and wait for the next worker.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._busy = 0
        self._waiting: list[tuple[int, datetime, str, asyncio.Future[None]]] = []
        self._jobs: dict[str, asyncio.Task[Any]] = {}
        self._stops: dict[str, Stop] = {}

    async def launch(self, run: Run, services: "Services") -> None:
        """Start the run as a task of the loop."""
        if run.run_id in self._jobs and not self._jobs[run.run_id].done():
            return
        self._stops[run.run_id] = Stop()
        self._jobs[run.run_id] = asyncio.create_task(self._run(run, services), name=run.run_id)

    async def cancel(self, run: Run) -> None:
        """Stop the run if it is executed here."""
        if run.run_id in self._stops:
            self._stops[run.run_id].set("cancel")

    async def resume(self, run: Run, services: "Services") -> None:
        """Launch it again, unless it waits here already."""
        await self.launch(run, services)

    async def gone(self, run: Run) -> None:
        """Nobody but the run's record needs to know."""

    async def set_paused(self, deployment: str, *, paused: bool) -> None:
        """Nobody shows deployments besides us."""

    async def answers(self) -> bool:
        """Tell that it does: it is this process."""
        return True

    async def wait(self, run_id: str) -> None:
        """Wait until a run launched here has ended."""
        await self._jobs[run_id]

    async def close(self) -> None:
        """Interrupt what runs; it is in the queue again afterwards."""
        for stop in self._stops.values():
            stop.set("shutdown")
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    async def _run(self, run: Run, services: "Services") -> None:
        # Here, not at the top: the story names services, services name this launcher.
        from flows.execution import execute_run  # noqa: PLC0415

        stop = self._stops[run.run_id]
        await self._slot(run)
        try:
            if not stop.is_set():
                attempts = PlainAttempts(np.random.default_rng())
                await execute_run(run.run_id, services, attempts=attempts, stop=stop)
        except Exception:
            log.exception("run_lost", run_id=run.run_id)
        finally:
            self._busy -= 1
            self._give_slots()

    async def _slot(self, run: Run) -> None:
        """Wait until it is the run's turn."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (run.priority, run.created_at, run.run_id, turn))
        self._give_slots()
        await turn

    def _give_slots(self) -> None:
        while self._waiting and self._busy < self._limit:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():  # else whoever waited was cancelled
                self._busy += 1
                turn.set_result(None)
