"""Deploying: what a file asks for becomes what is registered, here and on the Prefect server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flows.deployed_flows import FLOWS
from flows.deployment_changes import Change, change_of, entry_of, gone
from flows.deployment_file import SHIPPED, DeploymentFile, Pool, file_for, read_file
from flows.deployment_schedules import check_schedule, forget_schedule, keep_schedule
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.deployment import DeploymentEntry
from pipeline.domain.errors import SetupError
from pipeline.domain.request import Actor, Channel
from storage.telemetry import get_logger

log = get_logger(__name__)
WORKER = Actor(channel=Channel.SCHEDULE, name="worker")
_KEY = "deployments"
"""Under it the pools and the names that were pruned are remembered."""


class Registry(Protocol):
    """Where deployments are registered besides our database: the Prefect server."""

    async def bring(
        self, entries: Sequence[DeploymentEntry], pools: Sequence[Pool], *, dry_run: bool
    ) -> list[Change]:
        """Make it hold these, and return what that changes; what is up to date stays alone."""
        ...

    async def remove(self, entries: Sequence[DeploymentEntry]) -> None:
        """Remove deployments; those that it doesn't hold are no error."""
        ...


@dataclass(frozen=True)
class Deployed:
    """What deploying has changed, or would change; `left` are gone from the file and stay."""

    changes: tuple[Change, ...]
    left: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether all was as the file says."""
        return not self.changes and not self.removed


async def deploy(
    file: DeploymentFile,
    services: Services,
    actor: Actor,
    registry: Registry | None,
    *,
    dry_run: bool = False,
    prune: bool = False,
) -> Deployed:
    """Apply a file; the same file again changes nothing.

    Parameters
    ----------
    registry
        The Prefect server; None: there is none, and our database alone is brought up to date.
    prune
        Also remove what is no longer in the file. Without it, that stays and is named.

    Raises
    ------
    AppError
        The file can't be applied; nothing was changed.
    """
    held = {entry.name: entry for entry in await services.deployments.all()}
    wanted = await asyncio.to_thread(_entries, file, held, services)
    for entry in wanted:
        await check_schedule(entry, services)
    found = [change_of(held.get(entry.name), entry) for entry in wanted]
    left = gone(held.values(), file.specs)
    if not dry_run:
        await _keep(wanted, found, services)
        await _remember(file, left if prune else [], services)
    changes = [change for change in found if change is not None]
    if registry is not None:
        changes += await registry.bring(wanted, file.pools, dry_run=dry_run)
    if prune and not dry_run:
        await _remove(left, services, registry)
    names = tuple(entry.name for entry in left)
    told = Deployed(tuple(changes), () if prune else names, names if prune else ())
    if not dry_run and not told.nothing:
        changed = sorted({change.name for change in changes})
        what = {"file": str(file.path), "changed": changed, "removed": list(told.removed)}
        await write_trail(services, actor, "deploy", what)
    return told


async def register(services: Services) -> None:
    """Bring the registry in step with the program, as a worker does when it starts.

    What was deployed stays as it was deployed, with the versions of the code that runs now. A
    deployment that is new with the program is added. A file that was edited is not looked at: it
    counts when it is deployed. Where nothing was ever deployed, the file is.
    """
    held = await services.deployments.all()
    shipped = read_file(SHIPPED)
    file = shipped
    if not held:
        file = _first(services, shipped)
    else:
        kept = await services.chats.recall(_KEY) or {}
        known = {*(entry.name for entry in held), *kept.get("removed", [])}
        added = [spec for spec in shipped.specs if spec.name not in known]
        specs = (*(entry.spec for entry in held if entry.flow_name in FLOWS), *added)
        file = DeploymentFile(shipped.path, specs, await pools_kept(services))
    done = await deploy(file, services, WORKER, None)
    if not done.nothing:
        log.info("deployments_registered", changed=[change.name for change in done.changes])


async def pools_kept(services: Services) -> tuple[Pool, ...]:
    """Return the pools as they were last deployed."""
    kept = await services.chats.recall(_KEY)
    if kept is None:
        return read_file(SHIPPED).pools
    return tuple(Pool.model_validate(pool) for pool in kept["pools"])


def _first(services: Services, shipped: DeploymentFile) -> DeploymentFile:
    """Return the home's own file, or the shipped one where that can't be read."""
    try:
        return read_file(file_for(services.settings.home))
    except SetupError as error:
        log.error("deployments_not_read", error=error.user_text)  # noqa: TRY400  (its text says all)
        return shipped


def _entries(
    file: DeploymentFile, held: dict[str, DeploymentEntry], services: Services
) -> list[DeploymentEntry]:
    now = services.clock()
    return [entry_of(spec, held.get(spec.name), now) for spec in file.specs]


async def _keep(
    wanted: Sequence[DeploymentEntry], found: Sequence[Change | None], services: Services
) -> None:
    """Write what changed; schedules are looked at each time, as others may have touched them."""
    for entry, change in zip(wanted, found, strict=True):
        if change is not None:
            await services.deployments.put(entry)
        await keep_schedule(entry, services, services.clock())


async def _remember(
    file: DeploymentFile, removed: Sequence[DeploymentEntry], services: Services
) -> None:
    kept = await services.chats.recall(_KEY) or {}
    names = {*kept.get("removed", []), *(entry.name for entry in removed)}
    now_there = {spec.name for spec in file.specs}
    wanted = {
        "pools": [pool.model_dump(mode="json") for pool in file.pools],
        "removed": sorted(names - now_there),
    }
    if wanted != kept:
        await services.chats.remember(_KEY, wanted, services.clock())


async def _remove(
    entries: Sequence[DeploymentEntry], services: Services, registry: Registry | None
) -> None:
    if registry is not None:
        await registry.remove(entries)
    for entry in entries:
        await forget_schedule(entry.name, services)
        await services.deployments.remove(entry.name)
