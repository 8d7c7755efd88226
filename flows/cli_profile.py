"""The rule profile on the command line: launching it, and how its report reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.profile_text import (
    best_line,
    ground_lines,
    ground_title,
    suggestion_line,
    tried_lines,
    verdict_lines,
)
from pipeline.research.profile import ProfileReport


@app.command(context_settings=FREE_WORDS)
def profile(
    words: Annotated[list[str], typer.Argument(help="setup, and maybe symbol; or try RUN_ID 1")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Tell which parameter moves what, over all kept runs: scout profile IB_raid_v1 GER40."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("profile", words, wait=wait)


def profile_lines(report: ProfileReport, archive: Path) -> list[str]:
    """Return how a profile reads."""
    lines = [f"{report.setup_id} v{report.rule_version} · {report.symbol}"]
    if report.tried is not None:
        lines += [f"  {line}" for line in tried_lines(report.tried)]
    else:
        lines += [f"  {line}" for line in verdict_lines(report)]
        for number, suggestion in enumerate(report.suggestions, start=1):
            lines.append(f"  worth trying  {suggestion_line(suggestion)}")
            lines.append(f"                scout profile try {report.run_id} {number}")
    for ground in report.grounds:
        lines.append(f"  {ground_title(ground)}")
        lines += [f"    {line}" for line in ground_lines(ground)]
        lines += [f"    best  {best_line(best)}" for best in ground.best]
    lines += [f"  note    {warning}" for warning in report.warnings]
    files = [str(report.artifacts.get("report_json", "")), *report.artifacts.get("pngs", ())]
    return [*lines, *(f"  file    {archive / f.removeprefix('archive/')}" for f in files if f)]


PROFILE_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "profile_flow": lambda kept, at: profile_lines(ProfileReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
