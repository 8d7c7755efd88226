"""Verification on the command line: launching it, and how its report reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.verify_text import TITLES, difference_lines, figure_words
from pipeline.verify.report import VerifyReport


@app.command(context_settings=FREE_WORDS)
def verify(
    words: Annotated[list[str], typer.Argument(help="setup, and maybe symbol, timeframe, period")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Prove a setup on held bars: scout verify Frank_raid_v1 EURUSD."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("verify", words, wait=wait)


def verify_lines(report: VerifyReport, archive: Path) -> list[str]:
    """Return how a verification reads."""
    what = f"{report.symbol} {report.timeframe} · {report.setup_id} v{report.rule_version}"
    period = f"{report.period_start} – {report.period_end}"
    lines = [f"{report.verdict.upper()}: {what} · {period} · {report.bars:,} bars"]
    for check in report.checks:
        took = f"{report.seconds.get(check.name, 0.0):.0f} s"
        lines.append(f"  {check.verdict:<7} {TITLES[check.name]}: {figure_words(check)}, {took}")
        lines += [f"          {line}" for line in (*difference_lines(check), check.note) if line]
    lines += [f"  note    {warning}" for warning in report.warnings]
    path = archive / str(report.artifacts["report_json"]).removeprefix("archive/")
    return [*lines, f"  file    {path}"]


VERIFY_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "verify_flow": lambda kept, at: verify_lines(VerifyReport.model_validate(kept), at)
}
"""Flow type -> the lines of its dumped report."""
