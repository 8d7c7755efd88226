"""The story of a backup: everything copied aside, read back, named, and old ones let go."""

import asyncio
from typing import Any

from flows.backtest_compute import Frozen
from flows.housekeeping import housekeeping
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from pipeline.backup_commands import parse_backup
from pipeline.domain.backup import BackupReport, BackupRequest, DatabaseKind, Manifest
from pipeline.domain.backup_keep import KeepRule
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.request import Run
from storage.backup.port import Backups

BACKUP_TASKS = ("backup_copy", "backup_check", "retention", "telegram_notify")
"""The tasks of a backup under their fixed names, in their order."""


class Copied(Frozen):
    """Output of the copy: what the manifest says, in short."""

    database: DatabaseKind
    revision: str
    rows: int
    files: int
    parts: dict[str, int]
    unpacked: int
    packed: int
    prefect: bool
    notes: tuple[str, ...] = ()


class Checked(Frozen):
    """Output of the check: the name that the whole backup got, and the one before it."""

    name: str
    last: str = ""
    grown: int | None = None


class Retained(Frozen):
    """Output of the retention: what was removed, and how many stay."""

    removed: tuple[str, ...] = ()
    kept: int = 0


async def run_backup(
    request: BackupRequest, run: Run, services: Services, runner: Runner
) -> BackupReport:
    """Run the four tasks and return the report; run again, everything is copied anew."""
    desk = await desk_for(run, services, {})
    if run.attempt > 1:
        await asyncio.to_thread(runner.state.clear)
    async with housekeeping(services):
        copied = await runner.critical(
            "backup_copy", Copied, lambda: _copy(request, run, services), {"to": request.to}
        )
        checked = await runner.critical(
            "backup_check", Checked, lambda: _check(request, run, services)
        )
        retained = await runner.optional("retention", Retained, lambda: _retain(request, services))
    report = _report(request, run, services, runner, (copied, checked, retained or Retained()))
    report = await keep_report(desk, report, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(report, None, ()), keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _copy(request: BackupRequest, run: Run, services: Services) -> Copied:
    backups = _backups(services)
    manifest = await backups.make(backups.folder(request.to), run.run_id, services.clock())
    return Copied(
        database=manifest.database.kind,
        revision=manifest.database.revision,
        rows=sum(manifest.database.rows.values()),
        files=len(manifest.files),
        parts=manifest.part_sizes(),
        unpacked=manifest.unpacked,
        packed=manifest.archive.size,
        prefect=manifest.prefect is not None,
        notes=tuple(_notes(manifest)),
    )


def _notes(manifest: Manifest) -> list[str]:
    notes = [f"Not in it: {line}" for line in manifest.left_out]
    if manifest.damaged:
        shown = ", ".join(name.removeprefix("home/") for name in manifest.damaged[:3])
        many = len(manifest.damaged)
        notes.append(f"Missing or altered before the backup ({many}): {shown}")
    return notes


async def _check(request: BackupRequest, run: Run, services: Services) -> Checked:
    """Read everything back; only what is right to the last byte gets a name."""
    backups = _backups(services)
    folder = backups.folder(request.to)
    before = await backups.held(folder)
    made = await backups.seal(folder, run.run_id)
    if not before:
        return Checked(name=made.name)
    last = before[-1]
    grown = made.manifest.archive.size - last.manifest.archive.size
    return Checked(name=made.name, last=last.name, grown=grown)


async def _retain(request: BackupRequest, services: Services) -> Retained:
    """Remove what the rule lets go, in the folder of the settings alone."""
    backups = _backups(services)
    folder = backups.folder(request.to)
    held = await backups.held(folder)
    if request.to is not None:
        return Retained(kept=len(held))
    rule = KeepRule.parse(services.settings.backup_keep)
    made = [(kept.name, kept.manifest.created_at) for kept in held]
    gone = rule.dropped(made, services.clock())
    for name in gone:
        await backups.remove(folder, name)
    return Retained(removed=tuple(gone), kept=len(held) - len(gone))


def _report(
    request: BackupRequest,
    run: Run,
    services: Services,
    runner: Runner,
    done: tuple[Copied, Checked, Retained],
) -> BackupReport:
    copied, checked, retained = done
    folder = _backups(services).folder(request.to)
    seconds = {name: runner.records[name].duration_sec for name in BACKUP_TASKS[:2]}
    facts: dict[str, Any] = copied.model_dump(exclude={"notes"})
    return BackupReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        results_summary={"place": str(folder / checked.name), "packed": copied.packed},
        request=request.model_dump(mode="json"),
        place=str(folder / checked.name),
        **facts,
        grown=checked.grown,
        last=checked.last,
        seconds=seconds,
        verified=True,
        removed=retained.removed,
        kept=retained.kept,
        warnings=copied.notes,
    )


async def check_backup(request: BackupRequest, services: Services) -> BackupRequest:
    """Refuse a folder that lies where the backup itself takes its files from."""
    backups = _backups(services)
    folder, home = backups.folder(request.to), services.settings.home
    if folder == home or (folder.is_relative_to(home) and folder.parent != home):
        raise BadRequestError(
            f"{folder} lies in the home itself: choose a folder of its own, best on another disk.",
            field="to", value=str(folder),
        )  # fmt: skip
    return request


def _backups(services: Services) -> Backups:
    if services.backups is None:
        raise AppError("Nothing here can be backed up: it is all in memory.")
    return services.backups


def backup_title(request: BackupRequest) -> str:
    """Return a run's title."""
    return f"Backup to {request.to}" if request.to else "Backup"


BACKUP = Story(
    flow_type="backup_flow",
    prefix="run",
    command="backup",
    role="owner",
    request=BackupRequest,
    tasks=BACKUP_TASKS,
    parse=parse_backup,
    check=check_backup,
    title=backup_title,
    tell=run_backup,
)
