"""Backups on the command line: making, listing, checking and restoring them."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import control
from flows.adapters import make_objects, utc_now
from flows.backup_text import backup_lines, headline, megabytes
from flows.cli_app import actor, app, run_command, run_without_services, say
from flows.prefect_restoring import restore_prefect
from flows.services import Services
from flows.settings import Settings
from pipeline.domain.backup import BackupReport, BackupRequest
from storage.backup.checking import check
from storage.backup.restoring import Restored, restore


@app.command()
def backup(
    *,
    to: Annotated[Path | None, typer.Option(help="folder; default: BACKUP_DIR")] = None,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Back everything up, read it back, and let old backups go: scout backup."""
    from flows.cli_runs import follow_run  # noqa: PLC0415 - which prints reports by this module

    request = BackupRequest(to=None if to is None else str(to.expanduser().absolute()))

    async def launch(services: Services) -> int:
        return await follow_run(
            await control.launch(request, actor(), services), services, wait=wait
        )

    run_command(launch)


@app.command()
def backups(
    *,
    folder: Annotated[
        Path | None, typer.Option("--in", help="folder; default: BACKUP_DIR")
    ] = None,
    read: Annotated[bool, typer.Option("--check", help="read all of each back")] = False,
) -> None:
    """List the whole backups of a folder: scout backups --check."""

    async def show(services: Services) -> int:
        assert services.backups is not None  # noqa: S101  (the command line has files)
        place = services.backups.folder(None if folder is None else str(folder))
        held = await services.backups.held(place)
        for kept in held:
            if read:
                await asyncio.to_thread(check, place / kept.name)
            manifest = kept.manifest
            good = ", every hash is right" if read else ""
            at, size = (
                f"{manifest.created_at:%Y-%m-%d %H:%M} UTC",
                megabytes(manifest.archive.size),
            )
            say([f"{kept.name}  {at}  {size:>10}  version {manifest.version}{good}"])
        return say([] if held else [f"There is no backup in {place}."])

    run_command(show)


@app.command(name="restore")
def restore_backup(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="folder of one backup")],
    into: Annotated[Path, typer.Option(help="an empty folder, the new home")],
) -> None:
    """Restore a backup into an empty place: scout restore BACKUP --into HOME."""

    async def work(settings: Settings) -> int:
        place = folder.expanduser().absolute()
        found = await restore(
            place, settings.home, settings.database, actor(), utc_now(),
            objects=make_objects(settings),
        )  # fmt: skip
        told = await restore_prefect(found, settings)
        return say([*restored_lines(found, settings.home), *told])

    run_without_services(into.expanduser().absolute(), work)


def restored_lines(found: Restored, home: Path) -> list[str]:
    """Return what a restore says at its end."""
    manifest = found.manifest
    rows = sum(manifest.database.rows.values())
    before, now = found.migrated
    moved = "" if before == now else f", brought from revision {before} to {now}"
    lines = [
        f"Restored into {home}: the backup of {manifest.created_at:%Y-%m-%d %H:%M} UTC",
        f"  {len(manifest.files):,} files with the right hashes, {megabytes(manifest.unpacked)}",
        f"  {rows:,} rows in {len(manifest.database.rows)} tables, as the manifest says{moved}",
    ]
    lines += [f"  missing in the backup already: {name}" for name in found.missing]
    return [*lines, f"  start with SCOUT_HOME={home}; secrets are not in a backup, set them anew"]


def report_lines(report: BackupReport) -> list[str]:
    """Return how a backup's report reads."""
    lines = [headline(report), *(f"  {line}" for line in backup_lines(report))]
    return [*lines, f"  folder  {report.place}"]


BACKUP_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "backup_flow": lambda kept, _at: report_lines(BackupReport.model_validate(kept))
}
"""Flow type -> the lines of its dumped report."""
