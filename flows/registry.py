"""Prefect's registry: its work pools and deployments, brought to what ours say."""

import importlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import (
    DeploymentUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
)
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from flows.code_version import TOP
from flows.deployed_flows import FLOWS, DeployedFlow, flow_of
from flows.deploying import pools_kept
from flows.deployment_changes import Change, FieldChange, differing
from flows.deployment_file import Pool
from flows.launcher import queue_of
from flows.services import Services
from pipeline.domain.deployment import DeploymentEntry
from pipeline.priorities import PRIORITIES

POOL = "local_pool"
LIVE_POOL = "live_pool"
TRAINING_POOL = "training_pool"
INGESTION_POOL = "ingestion_pool"
SCHEDULE_POOL = "schedule_pool"
POOL_TYPE = "resident"
WHERE = "Prefect"
_MOST = 100


class PrefectRegistry:
    """Deployments as a Prefect server holds them.

    Parameters
    ----------
    keeps_pause
        Leave alone whether a deployment is paused, as a worker does that looks every 15 s: what
        was paused on Prefect's own page stays so until somebody deploys.
    """

    def __init__(self, client: PrefectClient, *, keeps_pause: bool = False) -> None:
        self._client = client
        self._keeps_pause = keeps_pause

    async def bring(
        self, entries: Sequence[DeploymentEntry], pools: Sequence[Pool], *, dry_run: bool
    ) -> list[Change]:
        """Bring pools and deployments up to date; what is up to date is not written.

        Writing a deployment drops its coming runs, though not its schedules.
        """
        there = {pool.name: pool for pool in await self._client.read_work_pools(limit=_MOST)}
        found = [await self._pool(pool, there.get(pool.name), dry_run=dry_run) for pool in pools]
        if not dry_run:
            for pool in pools:
                await self._queues(pool.name)
        held = await self._all_held(entries)
        for entry in entries:
            one = held.get((entry.flow_name, entry.name))
            found.append(await self._deployment(entry, one, dry_run=dry_run))
        return [change for change in found if change is not None]

    async def remove(self, entries: Sequence[DeploymentEntry]) -> None:
        """Remove deployments; their runs stay."""
        for held in (await self._all_held(entries)).values():
            with suppress(ObjectNotFound):
                await self._client.delete_deployment(held.id)

    async def _pool(self, pool: Pool, held: WorkPool | None, *, dry_run: bool) -> Change | None:
        limit, told = pool.concurrency_limit, pool.description or None
        if held is None:
            if not dry_run:
                wanted = WorkPoolCreate(
                    name=pool.name, type=POOL_TYPE, concurrency_limit=limit, description=told
                )
                with suppress(ObjectAlreadyExists):  # another process was faster
                    await self._client.create_work_pool(wanted)
            return Change(
                pool.name, "added", (FieldChange("work pool", "none", POOL_TYPE),), WHERE
            )
        change = differing(
            pool.name,
            {"concurrency_limit": held.concurrency_limit, "description": held.description},
            {"concurrency_limit": limit, "description": told},
            WHERE,
        )
        if change is not None and not dry_run:
            await self._client.update_work_pool(
                pool.name, WorkPoolUpdate(concurrency_limit=limit, description=told)
            )
        return change

    async def _queues(self, pool: str) -> None:
        """Make a queue for each priority; workers take from the first that has something."""
        held = {queue.name for queue in await self._client.read_work_queues(work_pool_name=pool)}
        for priority in PRIORITIES:
            name = queue_of(priority)
            if name not in held:
                with suppress(ObjectAlreadyExists):  # another process was faster
                    await self._client.create_work_queue(
                        name, priority=priority, work_pool_name=pool
                    )

    async def _deployment(
        self, entry: DeploymentEntry, held: DeploymentResponse | None, *, dry_run: bool
    ) -> Change | None:
        wanted = wanted_of(entry)
        if held is None:
            if not dry_run:
                await self._create(entry, wanted)
            fields = (FieldChange("deployment", "none", f"{entry.flow_name}/{entry.name}"),)
            return Change(entry.name, "added", fields, WHERE)
        if self._keeps_pause:
            del wanted["paused"]
        change = differing(entry.name, _as_held(held), wanted, WHERE)
        if change is not None and not dry_run:
            schema = _schema(flow_object(flow_of(entry.spec.flow)))
            update = DeploymentUpdate(
                **wanted, parameter_openapi_schema=schema, enforce_parameter_schema=True
            )
            await self._client.update_deployment(held.id, update)
        return change

    async def _create(self, entry: DeploymentEntry, wanted: Mapping[str, Any]) -> None:
        flow = flow_object(flow_of(entry.spec.flow))
        await self._client.create_deployment(
            flow_id=await self._client.create_flow(flow),
            name=entry.name,
            path=str(TOP),
            parameter_openapi_schema=_schema(flow),
            enforce_parameter_schema=True,
            **wanted,
        )

    async def _all_held(
        self, entries: Sequence[DeploymentEntry]
    ) -> dict[tuple[str, str], DeploymentResponse]:
        """Return those that the server holds, by flow and name."""
        found: dict[tuple[str, str], DeploymentResponse] = {}
        for start in range(0, len(entries), _MOST):
            some = entries[start : start + _MOST]
            flows = FlowFilterName(any_=sorted({entry.flow_name for entry in some}))
            names = DeploymentFilterName(any_=[entry.name for entry in some])
            known = {
                flow.id: flow.name
                for flow in await self._client.read_flows(flow_filter=FlowFilter(name=flows))
            }
            held = await self._client.read_deployments(
                flow_filter=FlowFilter(name=flows), deployment_filter=DeploymentFilter(name=names)
            )
            found |= {(known[one.flow_id], one.name): one for one in held}
        wanted = {(entry.flow_name, entry.name) for entry in entries}
        return {key: one for key, one in found.items() if key in wanted}


async def keep_registered(client: PrefectClient, services: Services) -> list[Change]:
    """Bring the server to what is deployed, as often as one likes."""
    entries = [e for e in await services.deployments.all() if e.flow_name in FLOWS]
    pools = await pools_kept(services)
    return await PrefectRegistry(client, keeps_pause=True).bring(entries, pools, dry_run=False)


@cache
def flow_object(flow: DeployedFlow) -> Flow[..., Any]:
    """Return the Prefect flow itself."""
    found: Flow[..., Any] = getattr(importlib.import_module(f"flows.{flow.module}"), flow.name)
    return found


@cache
def _schema(flow: Flow[..., Any]) -> dict[str, Any]:
    """Return the schema of a flow's parameters; making it takes tens of milliseconds."""
    return parameter_schema(flow).model_dump_for_openapi()


def wanted_of(entry: DeploymentEntry) -> dict[str, Any]:
    """Return what Prefect is to hold of a deployment."""
    flow = flow_of(entry.spec.flow)
    return {
        "version": entry.version,
        "tags": sorted(entry.tags),
        "parameters": flow.of_flow(entry.spec.parameters),
        "work_pool_name": entry.work_pool,
        "entrypoint": flow.entrypoint,
        "concurrency_limit": entry.spec.concurrency_limit,
        "description": entry.spec.description or flow_object(flow).description,
        "paused": entry.status == "paused",
    }


def _as_held(held: DeploymentResponse) -> dict[str, Any]:
    limit = held.global_concurrency_limit
    return {
        "version": held.version,
        "tags": sorted(held.tags),
        "parameters": held.parameters,
        "work_pool_name": held.work_pool_name,
        "entrypoint": held.entrypoint,
        "concurrency_limit": None if limit is None else limit.limit,
        "description": held.description,
        "paused": held.paused,
    }
