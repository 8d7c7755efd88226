"""Replays on the command line: launching one, and how its report reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.replay_text import headline, line, played, sums
from pipeline.domain.replay import ReplayReport


@app.command(context_settings=FREE_WORDS)
def replay(
    words: Annotated[list[str], typer.Argument(help="symbol, day, and maybe speed and setups")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Play held bars as if live: scout replay GER40 2025-03-10 max."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("live", ["replay", *words], wait=wait)


def replay_lines(report: ReplayReport, archive: Path) -> list[str]:
    """Return how a replay reads."""
    lines = [headline(report), sums(report), played(report)]
    lines += [f"  {line(signal, report.zone)}" for signal in report.signals]
    lines += [f"  failed  {symbol}: {why}" for symbol, why in report.failed.items()]
    lines += [f"  note    {warning}" for warning in report.warnings]
    path = archive / str(report.artifacts["report_json"]).removeprefix("archive/")
    return [*lines, f"  file    {path}"]


REPLAY_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "replay_flow": lambda kept, at: replay_lines(ReplayReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
