"""The parity certificate on the command line: launching it, and how its report reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.parity_text import NOTHING, bars_lines, difference_line, headline, scans_line, what
from pipeline.live.certificate import ParityReport


@app.command(context_settings=FREE_WORDS)
def parity(
    words: Annotated[
        list[str] | None, typer.Argument(help="yesterday, a day or a replay; symbol; setup")
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Hold what live said against the backtest: scout parity yesterday."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("parity", words or [], wait=wait)


def parity_lines(report: ParityReport, archive: Path) -> list[str]:
    """Return how a certificate reads."""
    lines = [f"{report.verdict.upper()}: {headline(report)}", f"  {what(report)}"]
    if report.verdict == "nothing":
        lines.append(f"  {NOTHING}")
    else:
        lines += [f"  {difference_line(line)}" for line in report.differences]
        lines.append(f"  {scans_line(report.scans)}")
        lines += [f"  {line}" for line in bars_lines(report.bars)]
    lines += [f"  failed  {symbol}: {why}" for symbol, why in report.failed.items()]
    lines += [f"  note    {warning}" for warning in report.warnings]
    path = archive / str(report.artifacts["report_json"]).removeprefix("archive/")
    return [*lines, f"  file    {path}"]


PARITY_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "parity_flow": lambda kept, at: parity_lines(ParityReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
