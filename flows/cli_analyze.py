"""`scout analyze`: a symbol as it stands now."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.analyze_text import (
    age_line,
    headline,
    level_lines,
    setup_lines,
    signal_lines,
    stale_line,
    state_lines,
)
from flows.cli_analysis import opinion_or_why
from flows.cli_app import FREE_WORDS, app
from pipeline.domain.analyze import SymbolReport


@app.command(context_settings=FREE_WORDS)
def analyze(
    words: Annotated[list[str], typer.Argument(help="symbol, maybe timeframe, maybe llm=off")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Show a symbol as it stands: scout analyze GER40 M15."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("analyze", words, wait=wait)


def analyze_lines(report: SymbolReport, archive: Path) -> list[str]:
    """Return how an analysis reads, in the order of the chat."""
    stale = stale_line(report)
    lines = [stale] if stale else []
    lines += [headline(report), *(f"  {line}" for line in state_lines(report))]
    lines += [] if stale else [f"  {age_line(report)}"]
    parts = (("Levels", level_lines(report)), ("Setups", setup_lines(report)),
             ("Open signals", signal_lines(report)))  # fmt: skip
    for title, told in parts:
        lines += [f"{title}:", *(f"  {line}" for line in told)] if told else []
    lines += opinion_or_why(report.analysis, report.no_analysis)
    lines += [f"note    {warning}" for warning in report.warnings]
    if report.synthetic:
        lines.append("note    The bars are SYNTHETIC: a made-up sample, no market.")
    files = [*report.artifacts.get("pngs", ()), report.artifacts["report_json"]]
    return [*lines, *(f"file    {archive / str(f).removeprefix('archive/')}" for f in files)]


ANALYZE_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "analyze_flow": lambda kept, at: analyze_lines(SymbolReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
