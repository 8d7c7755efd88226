"""Training on the command line: launching it, and how its report reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.train_text import condition_lines, figure_lines, headline, missing_line
from pipeline.domain.train_report import TrainReport


@app.command(context_settings=FREE_WORDS)
def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="setup=… symbol=… min_samples=… trials=… from=… to=…"),
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Train the model that scores signals: scout train setup=IB_raid_v1 min_samples=300."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("train", words or [], wait=wait)


def train_lines(report: TrainReport, archive: Path) -> list[str]:
    """Return how a training reads."""
    lines = [headline(report)]
    if report.missing_samples:
        lines.append(f"  {missing_line(report)}")
    if report.card is not None:
        lines.append(f"  {report.card.sentence}")
    lines += [f"  {line}" for line in figure_lines(report)]
    lines += [f"  {line}" for line in condition_lines(report.card)]
    lines += [f"  note    {warning}" for warning in report.warnings]
    if report.model_path:
        lines.append(f"  model   {report.model_path}")
    path = archive / str(report.artifacts["report_json"]).removeprefix("archive/")
    return [*lines, f"  file    {path}"]


TRAIN_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "train_model_flow": lambda kept, at: train_lines(TrainReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
