"""Upkeep on the command line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.upkeep_text import upkeep_headline, upkeep_lines
from pipeline.domain.upkeep import UpkeepReport


@app.command(context_settings=FREE_WORDS)
def upkeep(
    words: Annotated[list[str] | None, typer.Argument(help="parts; none: all of them")] = None,
    *,
    dry_run: Annotated[bool, typer.Option(help="only say what would go")] = False,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Forget what is old: scout upkeep --dry-run runs artifacts."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("upkeep", [*(["dry"] if dry_run else []), *(words or [])], wait=wait)


def _upkeep(kept: Mapping[str, Any], archive: Path) -> list[str]:
    del archive
    report = UpkeepReport.model_validate(kept)
    return [upkeep_headline(report), *(f"  {line}" for line in upkeep_lines(report))]


UPKEEP_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {"upkeep_flow": _upkeep}
"""Flow type -> the lines of its dumped report."""
