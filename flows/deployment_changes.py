"""What a file would change of what is registered, field by field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from flows.code_version import version_of
from flows.deployed_flows import flow_of
from pipeline.domain.deployment import DeploymentEntry, DeploymentSpec

Kind = Literal["added", "changed", "gone"]
NOTHING = "none"


@dataclass(frozen=True)
class FieldChange:
    """One field, as it is and as it would be."""

    field: str
    old: str
    new: str

    def __str__(self) -> str:
        """Tell it in one line."""
        return f"{self.field}: {self.old} → {self.new}"


@dataclass(frozen=True)
class Change:
    """What becomes of one deployment or pool; `where` is "Prefect", or empty: our registry."""

    name: str
    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    where: str = ""


def entry_of(spec: DeploymentSpec, held: DeploymentEntry | None, now: datetime) -> DeploymentEntry:
    """Return the entry that a spec asks for, beside what is held of it.

    Notes
    -----
    `paused` in the file counts when it is new there. A pause by hand outlives being deployed again
    with the same file.
    """
    flow = flow_of(spec.flow)
    as_written = held is None or held.spec.paused != spec.paused
    status: Literal["active", "paused"] = "paused" if spec.paused else "active"
    return DeploymentEntry(
        deployment_id=held.deployment_id if held else str(uuid5(NAMESPACE_URL, spec.name)),
        name=spec.name,
        flow_name=flow.name,
        version=version_of(flow.modules),
        schedule=spec.schedule,
        status=status if as_written or held is None else held.status,
        tags=spec.tags,
        work_pool=spec.work_pool,
        spec=spec,
        applied_at=now,
    )


def change_of(held: DeploymentEntry | None, wanted: DeploymentEntry) -> Change | None:
    """Return what changes of one deployment; None: nothing."""
    if held is None:
        return Change(wanted.name, "added", tuple(_fields({}, _told(wanted))))
    fields = tuple(_fields(_told(held), _told(wanted)))
    return Change(wanted.name, "changed", fields) if fields else None


def gone(
    held: Iterable[DeploymentEntry], specs: Iterable[DeploymentSpec]
) -> list[DeploymentEntry]:
    """Return what is registered and not in the file."""
    names = {spec.name for spec in specs}
    return [entry for entry in held if entry.name not in names]


def differing(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], where: str
) -> Change | None:
    """Return the change from what a place holds to what it should."""
    fields = tuple(_fields(old, new))
    return Change(name, "changed", fields, where) if fields else None


def _told(entry: DeploymentEntry) -> dict[str, Any]:
    spec = entry.spec.model_dump(mode="json", exclude={"name", "paused"})
    paused = {"paused": entry.status == "paused"}
    return {**spec, **paused, "version": entry.version}


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[FieldChange]:
    for name, value in new.items():
        before = old.get(name)
        if before != value and (old or value not in (None, "", [], {}, False)):
            yield FieldChange(name, _shown(before), _shown(value))


def _shown(value: Any) -> str:
    if value in (None, "", [], {}, ()):
        return NOTHING
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{key}={_shown(one)}" for key, one in value.items())
        case _:
            return str(value)
