"""How the reports of sweep, walk-forward and batch read on the command line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.domain.report import Metrics
from pipeline.research.reports import (
    BatchReport,
    BatchTest,
    GridReport,
    SweepReport,
    VariantLine,
    WalkForwardReport,
)

_CSV = ("variants_csv", "windows_csv", "trades_csv", "tests_csv")


def sweep_lines(report: SweepReport, archive: Path) -> list[str]:
    """Return how a sweep's report reads."""
    lines = _head(report)
    lines += [_variant("plateau", report.chosen), _variant("best cell", report.best)]
    if report.own is not None:
        lines.append(_variant("the file's", report.own))
    if report.plateau is not None:
        told = f"{len(report.plateau.cells)} of {report.plateau.usable} usable variants"
        alone = "; the best cell stands alone" if report.plateau.best_stands_alone else ""
        lines.append(f"  region       {told}{alone}")
    place = report.standing
    if place is not None:
        deflated = "" if place.deflated is None else f", deflated Sharpe {place.deflated:.1%}"
        lines.append(f"  tries        {place.tried:,} of this idea{deflated}")
    return [*lines, *_pbo(report), *_foot(report, archive)]


def walkforward_lines(report: WalkForwardReport, archive: Path) -> list[str]:
    """Return how a walk-forward's report reads."""
    lines = _head(report)
    lines.append(f"  outside      {figures(report.metrics)}")
    if report.inside_expectancy_r is not None:
        lines.append(f"  in sample    mean {report.inside_expectancy_r:+.3f} R, what was promised")
    for w in report.windows:
        label = "nothing chosen" if w.chosen is None else report.grid.label(w.chosen)
        mean = w.outside.expectancy_r
        told = "no trades" if mean is None else f"{w.outside.trades} trades, {mean:+.2f} R"
        lines.append(f"  {w.window.split}   {label}: {told}")
    return [*lines, *_pbo(report), *_foot(report, archive)]


def batch_lines(report: BatchReport, archive: Path) -> list[str]:
    """Return how a batch's report reads."""
    lines = [f"{report.run_id}: {len(report.tests)} tests, {report.failed} failed"]
    lines += [_test(test) for test in report.tests]
    return [*lines, *_foot(report, archive)]


def _head(report: GridReport) -> list[str]:
    names = " × ".join(f"{d.name} ({len(d.values)})" for d in report.grid.dimensions)
    what = f"{report.symbol} {report.timeframe} · {report.setup_id} {report.rule_version}"
    period = f"{report.period_start} – {report.period_end}"
    failed = f", {report.failed} failed" if report.failed else ""
    return [
        f"{what} · {period}",
        f"  variants     {report.variants:,} of {names}{failed}; chosen by {report.by}",
    ]


def _variant(title: str, line: VariantLine | None) -> str:
    if line is None:
        return f"  {title:<12} none has enough trades"
    return f"  {title:<12} {line.label}: {figures(line.metrics)}"


def figures(m: Metrics | None) -> str:
    """Return a variant's figures in one line."""
    if m is None or m.expectancy_r is None:
        return "no trades"
    error = "" if m.expectancy_se is None else f" ± {m.expectancy_se:.3f}"
    return f"{m.trades:,} trades, mean {m.expectancy_r:+.3f}{error} R, total {m.total_r:+.2f} R"


def _pbo(report: GridReport) -> list[str]:
    if report.pbo is None:
        return []
    return [f"  PBO          {report.pbo.pbo:.0%}: how often the best turned out below the middle"]


def _test(test: BatchTest) -> str:
    what = f"{test.setup_id} {test.timeframe} {test.symbol} {test.start}..{test.end}"
    return f"  {what}: {test.error or figures(test.metrics)}"


def _foot(report: SweepReport | WalkForwardReport | BatchReport, archive: Path) -> list[str]:
    lines = [f"  note         {warning}" for warning in report.warnings]
    names = [*report.artifacts["pngs"], *(report.artifacts.get(name) for name in _CSV)]
    names.append(report.artifacts["report_json"])
    files = [archive / str(name).removeprefix("archive/") for name in names if name]
    return [*lines, *(f"  file         {path}" for path in files)]


RESEARCH_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "sweep_flow": lambda kept, at: sweep_lines(SweepReport.model_validate(kept), at),
    "walkforward_flow": lambda kept, at: walkforward_lines(
        WalkForwardReport.model_validate(kept), at
    ),
    "batch_flow": lambda kept, at: batch_lines(BatchReport.model_validate(kept), at),
}
"""Flow type -> the lines of its dumped report."""
