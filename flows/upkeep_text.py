"""How an upkeep reads, in the chat and on the command line."""

from pipeline.domain.upkeep import PartReport, UpkeepReport

_NAMES = {
    "runs": "Runs",
    "state": "Kept tasks",
    "artifacts": "Archive",
    "deliveries": "Messages",
    "scan_log": "Scan log",
    "marks": "Small marks",
    "models": "Models",
    "bars": "Bars",
    "leftovers": "Leftovers",
    "database": "Database",
    "prefect": "Prefect",
}


def upkeep_headline(report: UpkeepReport) -> str:
    """Return the first line."""
    files = bytes_words(sum(part.freed for part in report.parts))
    things = sum(part.removed for part in report.parts)
    if report.dry:
        return f"Upkeep would remove {things:,} things, {files} of files. Nothing was changed."
    return f"Upkeep removed {things:,} things, {files} of files"


def upkeep_lines(report: UpkeepReport) -> list[str]:
    """Return a line for each part, with what stays and why below it."""
    lines = [line for part in report.parts for line in part_lines(part)]
    return lines + [f"✗ {_NAMES[part]}: {why}" for part, why in report.failed.items()]


def part_lines(part: PartReport) -> list[str]:
    """Return what one part found."""
    name = _NAMES[part.part]
    below = [f"  {count:,} stay: {why}" for why, count in part.kept.items()]
    below += [f"  {note}" for note in part.notes]
    if not part.unit:
        return [f"{name}: {part.notes[0]}", *(f"  {note}" for note in part.notes[1:])]
    freed = f", {bytes_words(part.freed)}" if part.freed else ""
    figures = f"{part.removed:,} of {part.found:,} {part.unit}{freed}"
    return [f"{name}: {figures if part.found else 'nothing is old'}", *below]


def bytes_words(size: int) -> str:
    """Return a size as people read it."""
    for unit, each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= each:
            return f"{size / each:,.1f} {unit}"
    return f"{size} bytes"
