"""How deployments and their changes read, line by line."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from flows.deployed_flows import flow_of
from flows.deploying import Deployed
from flows.deployment_changes import Change
from flows.deployments import DeploymentLine

NONE = "–"
NOTHING_YET = "Nothing is registered yet: scout deploy does it, or a worker when it starts."
_SIGNS = {"added": "+", "changed": "~", "gone": "-"}


def deployed_lines(done: Deployed, *, dry_run: bool) -> Iterator[str]:
    """Tell what deploying changed, or would change."""
    for change in done.changes:
        yield from _change_lines(change)
    for name in done.removed:
        yield f"- {name}: {'would be removed' if dry_run else 'removed'}"
    for name in done.left:
        yield f"- {name}: gone from the file; it stays registered, --prune removes it"
    if done.nothing:
        yield "Nothing else differs." if done.left else "Nothing differs."
    elif dry_run:
        yield "Nothing was changed: this was a dry run."


def _change_lines(change: Change) -> Iterator[str]:
    where = f" ({change.where})" if change.where else ""
    yield f"{_SIGNS[change.kind]} {change.name}{where}"
    for field in change.fields:
        yield f"    {field}"


def list_lines(found: list[DeploymentLine], zone: str) -> Iterator[str]:
    """List deployments in columns."""
    if not found:
        yield NOTHING_YET
        return
    rows = [
        ("name", "status", "last run", "next run", "schedule"),
        *(_row(line, zone) for line in found),
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def shown_lines(line: DeploymentLine, zone: str) -> Iterator[str]:
    """Tell everything about one deployment."""
    yield line.entry.name
    for word, value in facts(line, zone):
        yield f"  {word:<12} {value}"


def facts(line: DeploymentLine, zone: str) -> Iterator[tuple[str, str]]:
    """Give what is told of one deployment, word by word."""
    entry, spec = line.entry, line.entry.spec
    yield "status", entry.status
    yield "flow", entry.flow_name
    yield "version", entry.version
    yield "schedule", schedule_words(line)
    if spec.schedule is not None and not line.keeper:
        yield "zone", spec.timezone or zone
    yield "last run", last_words(line, zone)
    yield "next run", moment(entry.next_run, zone)
    yield "pool", entry.work_pool
    if spec.concurrency_limit is not None:
        yield "at a time", str(spec.concurrency_limit)
    yield "tags", ", ".join(entry.tags) or NONE
    for name, value in spec.parameters.items():
        yield name, str(value)
    if spec.description:
        yield "about", spec.description
    yield "can be given", ", ".join(flow_of(spec.flow).parameters) or NONE
    yield "applied", moment(entry.applied_at, zone)
    yield "id", entry.deployment_id


def schedule_words(line: DeploymentLine) -> str:
    """Return when it starts by itself, and who keeps these times."""
    words = line.entry.schedule
    if words is None:
        return "by hand"
    return f"{words} (kept by {line.keeper})" if line.keeper else words


def last_words(line: DeploymentLine, zone: str) -> str:
    """Return when it ran last, and how that run stands."""
    when = moment(line.entry.last_run, zone)
    return when if line.last is None else f"{when} {line.last.run_id} {line.last.status.value}"


def moment(at: datetime | None, zone: str) -> str:
    """Return a moment on the wall clock of a zone."""
    return NONE if at is None else f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def _row(line: DeploymentLine, zone: str) -> tuple[str, ...]:
    entry = line.entry
    return (
        entry.name, entry.status, moment(entry.last_run, zone), moment(entry.next_run, zone),
        schedule_words(line),
    )  # fmt: skip
