"""How a backup reads, in the chat and on the command line."""

from pipeline.domain.backup import BackupReport

_KINDS = {
    "sqlite": "SQLite, copied whole",
    "pg_dump": "PostgreSQL's own dump",
    "rows": "PostgreSQL, as rows",
}
_MEGA = 1e6


def megabytes(size: float) -> str:
    """Return bytes in MB, with a decimal where there are few."""
    value = size / _MEGA
    return f"{value:,.1f} MB" if abs(value) < 100 else f"{value:,.0f} MB"  # noqa: PLR2004


def headline(report: BackupReport) -> str:
    """Return what was made, and that it was read back."""
    took = sum(report.seconds.values())
    return f"Backup made and read back: {megabytes(report.packed)} in {took:.1f} s"


def backup_lines(report: BackupReport) -> list[str]:
    """Return what is in it, how it grew, and what is kept."""
    parts = " · ".join(f"{part} {megabytes(size)}" for part, size in report.parts.items())
    copied = (
        f"copied in {report.seconds['backup_copy']:.1f} s, "
        f"every hash checked in {report.seconds['backup_check']:.1f} s"
    )
    lines = [
        f"{report.files:,} files, {megabytes(report.unpacked)} unpacked: {parts}",
        f"database: {_KINDS[report.database]}, revision {report.revision}, {report.rows:,} rows",
        copied,
    ]
    if report.grown is not None:
        lines.append(
            f"{'+' if report.grown >= 0 else '−'}{megabytes(abs(report.grown))} since the last"
        )
    kept = f"{report.kept} kept"
    gone = f", {len(report.removed)} let go: {', '.join(report.removed)}" if report.removed else ""
    return [*lines, f"{kept}{gone}", *report.warnings]
