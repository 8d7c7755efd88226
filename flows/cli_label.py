"""Labelling on the command line: launching it, and how its report reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.label_text import changes_line, headline, set_head, set_lines, training_line, what
from pipeline.domain.train_report import LabelReport


@app.command(context_settings=FREE_WORDS)
def label(
    words: Annotated[
        list[str], typer.Argument(help="setup or all, symbol, maybe timeframe, period")
    ],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Make past signals rows to learn from: scout label all EURUSD 2024."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("label", words, wait=wait)


def label_lines(report: LabelReport, archive: Path) -> list[str]:
    """Return how a labelling reads."""
    lines = [f"{headline(report)} · {what(report)}"]
    for one in report.sets:
        lines += [f"  {set_head(one)}", *(f"    {line}" for line in set_lines(one))]
    lines += [f"  left out  {setup}: {why}" for setup, why in report.left_out.items()]
    lines += [f"  {changes_line(report)}", f"  {training_line(report)}"]
    lines += [f"  note    {warning}" for warning in report.warnings]
    path = archive / str(report.artifacts["report_json"]).removeprefix("archive/")
    return [*lines, f"  file    {path}"]


LABEL_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "label_flow": lambda kept, at: label_lines(LabelReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
