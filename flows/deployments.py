"""Deployments at work: listed with their runs, paused, resumed, started now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ValidationError

from flows.control import DryRunPlan, launch, launch_text
from flows.deployed_flows import FLOWS, SCANNER, TEXT, flow_of
from flows.deployment_checks import closest, missing
from flows.deployment_schedules import keep_schedule, keeper_of
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.deployment import DeploymentEntry
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.request import Actor, Run
from pipeline.live.health import ScannerFacts
from pipeline.schedule_times import next_times
from storage.telemetry import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class DeploymentLine:
    """One deployment as it is listed.

    Parameters
    ----------
    entry
        With its last and next run filled in.
    last
        Its newest run, if START made one.
    keeper
        Who keeps its times instead of a schedule; empty: nobody.
    lacking
        What is missing to start it now; empty: it can be.
    """

    entry: DeploymentEntry
    last: Run | None
    keeper: str
    lacking: str


async def deployment_lines(services: Services) -> list[DeploymentLine]:
    """Return all deployments, by name."""
    entries = [entry for entry in await services.deployments.all() if entry.flow_name in FLOWS]
    return [await _line(entry, await _newest(services), services) for entry in entries]


async def deployment_line(name: str, services: Services) -> DeploymentLine:
    """Return one.

    Raises
    ------
    BadRequestError
        There is none of that name; the closest are named.
    """
    return await _line(await find_deployment(name, services), await _newest(services), services)


async def find_deployment(name: str, services: Services) -> DeploymentEntry:
    """Return a deployment; see `deployment_line`."""
    entry = await services.deployments.get(name)
    if entry is None or entry.flow_name not in FLOWS:
        names = [one.name for one in await services.deployments.all()]
        text = f"There is no deployment {name}" + closest(name, names)
        raise BadRequestError(text, field="deployment", value=name)
    return entry


async def set_paused(
    name: str, actor: Actor, services: Services, *, paused: bool
) -> DeploymentEntry:
    """Pause a deployment or resume it: it stays registered, and no longer starts by itself.

    Notes
    -----
    Ours is what counts. Prefect is told so that its page shows the same; where it doesn't answer,
    `scout deploy` tells it later.
    """
    await find_deployment(name, services)
    status: Literal["active", "paused"] = "paused" if paused else "active"
    await services.deployments.set_status(name, status)
    entry = await find_deployment(name, services)
    await keep_schedule(entry, services, services.clock())
    what = {"deployment": name, "status": status}
    await write_trail(services, actor, "deployment", what)
    try:
        await services.launcher.set_paused(f"{entry.flow_name}/{name}", paused=paused)
    except AppError as error:
        log.warning("pause_not_told", deployment=name, error=error.user_text)
    return entry


async def run_now(name: str, actor: Actor, services: Services) -> Run:
    """Start a deployment's run now, through START, also while it is paused.

    Raises
    ------
    AppError
        Its parameters don't say what is asked for, or START refuses it.
    """
    entry = await find_deployment(name, services)
    if wrong := _lacking(entry):
        error = BadRequestError(f"{name} can't be started by itself: {wrong}.", field="parameters")
        await write_trail(services, actor, "deployment", {"deployment": name}, refusal=error)
        raise error
    made = await _asked(entry, actor, services)
    if isinstance(made, DryRunPlan):
        raise BadRequestError(f"{name} asks for a dry run; take that word out.", field="dry_run")
    return made


async def _asked(entry: DeploymentEntry, actor: Actor, services: Services) -> Run | DryRunPlan:
    flow = flow_of(entry.spec.flow)
    asked = flow.of_request(entry.spec.parameters)
    if TEXT in asked:
        return await launch_text(str(asked[TEXT]), actor, services, deployment=entry.name)
    assert flow.story is not None  # noqa: S101  (nothing would be lacking)
    try:
        request = flow.story.request.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "parameters"
        raise BadRequestError(f"{entry.name}: {field}: {first['msg']}.", field=field) from error
    return await launch(request, actor, services, deployment=entry.name)


async def _line(
    entry: DeploymentEntry, newest: Sequence[Run], services: Services
) -> DeploymentLine:
    own = entry.name == f"{entry.flow_name}_prod"
    names = (entry.name, "") if own else (entry.name,)
    runs = [r for r in newest if r.flow_type == entry.flow_name and r.deployment in names]
    last = max(runs, key=lambda run: run.created_at, default=None)
    begun = None if last is None else last.created_at
    if flow_of(entry.spec.flow).kept_by == SCANNER:
        begun = await _last_scan(services)
    times = {"last_run": begun, "next_run": await _next(entry, services)}
    keeper = keeper_of(entry, services.settings)
    return DeploymentLine(entry.model_copy(update=times), last, keeper, _lacking(entry))


async def _newest(services: Services) -> list[Run]:
    return await services.runs.latest()


async def _next(entry: DeploymentEntry, services: Services) -> datetime | None:
    """Return when it starts next by itself; None: by hand only, or it is paused."""
    now = services.clock()
    if entry.status == "paused":
        return None
    if flow_of(entry.spec.flow).kept_by == SCANNER:
        scans = services.feed is not None
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1) if scans else None
    schedule = await services.schedules.get(entry.name)
    if schedule is None or schedule.paused or schedule.deployment != entry.name:
        return None
    return next(iter(next_times(schedule, now)), None)


async def _last_scan(services: Services) -> datetime | None:
    facts = [
        ScannerFacts.model_validate(pulse.facts)
        for pulse in await services.health.pulses()
        if pulse.name.startswith(SCANNER)
    ]
    return max((one.last_scan for one in facts if one.last_scan is not None), default=None)


def _lacking(entry: DeploymentEntry) -> str:
    flow = flow_of(entry.spec.flow)
    if flow.kept_by:
        return f"the {flow.kept_by} does it by its own clock"
    return missing(entry.spec)
