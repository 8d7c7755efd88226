"""The deployments: which flows exist, where they run, and their entry in Prefect's registry."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from flows.backtest_flow import backtest_flow
from flows.backup_flow import backup_flow
from flows.label_flow import label_flow
from flows.launcher import queue_of
from flows.live_scan_flow import live_scan_flow
from flows.parity_flow import parity_flow
from flows.prefect_env import prefect_environment
from flows.replay_flow import replay_flow
from flows.research_flows import batch_flow, sweep_flow, walkforward_flow
from flows.retraining_flows import data_collection, model_retraining
from flows.schedule_flow import schedule_flow
from flows.train_model_flow import train_model_flow
from flows.upkeep_flow import upkeep_flow
from flows.verify_flow import verify_flow
from pipeline.priorities import PRIORITIES

__all__ = [
    "DEPLOYMENTS",
    "LIVE_POOL",
    "POOL",
    "SCHEDULE_POOL",
    "TRAINING_POOL",
    "Deployment",
    "ensure_deployments",
    "prefect_environment",
]

POOL = "local_pool"
LIVE_POOL = "live_pool"
TRAINING_POOL = "training_pool"
SCHEDULE_POOL = "schedule_pool"
POOL_TYPE = "resident"
_TOP = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Deployment:
    """A flow, the name and pool under which it can be started, and its defaults."""

    name: str
    flow: Flow[..., Any]
    entrypoint: str
    pool: str = POOL
    tags: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Ten digits of the SHA-256 of the product's code: a changed flow is a new version."""
        return code_version()


def _deployed(
    found: Flow[..., Any], module: str, *tags: str, pool: str = POOL, **parameters: Any
) -> Deployment:
    """Return a flow's deployment: its name and `_prod`, and where in `flows` it is written."""
    return Deployment(
        name=f"{found.name}_prod",
        flow=found,
        entrypoint=f"flows/{module}.py:{found.name}",
        pool=pool,
        tags=tags,
        parameters=parameters,
    )


DEPLOYMENTS: tuple[Deployment, ...] = (
    _deployed(
        backtest_flow, "backtest_flow", "backtest", "production",
        default_slippage=1.0, default_spread=2.0,
    ),
    *(
        _deployed(found, "research_flows", "research", "production")
        for found in (sweep_flow, walkforward_flow, batch_flow)
    ),
    _deployed(verify_flow, "verify_flow", "verify", "production"),
    _deployed(upkeep_flow, "upkeep_flow", "operations", "production"),
    _deployed(label_flow, "label_flow", "ml", "production"),
    _deployed(live_scan_flow, "live_scan_flow", "live", "production", pool=LIVE_POOL),
    _deployed(parity_flow, "parity_flow", "live", "parity", "production"),
    # Sundays at 3 in the owner's zone: by flows/built_in_schedules.py
    _deployed(train_model_flow, "train_model_flow", "ml", "training", pool=TRAINING_POOL),
    _deployed(
        model_retraining, "retraining_flows", "ml", "exchange", "training", pool=TRAINING_POOL
    ),
    _deployed(data_collection, "retraining_flows", "exchange", "production"),
    _deployed(backup_flow, "backup_flow", "upkeep", "production"),
    # its schedules are kept by flows/schedule_sync.py
    _deployed(schedule_flow, "schedule_flow", "schedule", "production", pool=SCHEDULE_POOL),
    _deployed(replay_flow, "replay_flow", "live", "replay", "production", pool=LIVE_POOL),
)  # fmt: skip


@cache  # what runs is what was there at the first call; reading it all again holds up alerts
def code_version(root: Path | None = None) -> str:
    """Return the version of the code that flows are made of."""
    top = root or _TOP
    digest = hashlib.sha256()
    for floor in ("flows", "pipeline", "storage"):
        for path in sorted((top / floor).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


async def ensure_deployments(
    client: PrefectClient | None = None, deployments: Sequence[Deployment] = DEPLOYMENTS
) -> None:
    """Make the work pools and bring every deployment up to date; safe to repeat."""
    if client is None:
        async with get_client() as own:
            await ensure_deployments(own, deployments)
        return
    for pool in dict.fromkeys(deployment.pool for deployment in deployments):
        await _ensure_pool(client, pool)
        await _ensure_queues(client, pool)
    for deployment in deployments:
        await _ensure_deployment(client, deployment)


async def _ensure_pool(client: PrefectClient, name: str) -> None:
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        try:
            await client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE))
        except ObjectAlreadyExists:
            return


async def _ensure_queues(client: PrefectClient, pool: str) -> None:
    """Make a queue for each priority; workers take from the first that has something."""
    held = {queue.name for queue in await client.read_work_queues(work_pool_name=pool)}
    for priority in PRIORITIES:
        name = queue_of(priority)
        if name not in held:
            with suppress(ObjectAlreadyExists):  # another process was quicker
                await client.create_work_queue(name, priority=priority, work_pool_name=pool)


@cache
def _schema(flow: Flow[..., Any]) -> dict[str, Any]:
    """Return the schema of a flow's parameters; making it takes tens of milliseconds."""
    return parameter_schema(flow).model_dump_for_openapi()


async def _ensure_deployment(client: PrefectClient, wanted: Deployment) -> None:
    """Bring one up to date. What is up to date stays: writing it anew drops its coming runs."""
    if await _is_current(client, wanted):
        return
    flow_id = await client.create_flow(wanted.flow)
    await client.create_deployment(
        flow_id=flow_id,
        name=wanted.name,
        version=wanted.version,
        tags=list(wanted.tags),
        work_pool_name=wanted.pool,
        parameters=wanted.parameters,
        entrypoint=wanted.entrypoint,
        path=str(_TOP),
        parameter_openapi_schema=_schema(wanted.flow),
        enforce_parameter_schema=True,
    )


async def _is_current(client: PrefectClient, wanted: Deployment) -> bool:
    """Tell whether the server has the deployment as it should be."""
    try:
        held = await client.read_deployment_by_name(f"{wanted.flow.name}/{wanted.name}")
    except ObjectNotFound:
        return False
    return (held.version, held.work_pool_name) == (wanted.version, wanted.pool) and (
        held.parameters,
        set(held.tags),
    ) == (wanted.parameters, set(wanted.tags))
