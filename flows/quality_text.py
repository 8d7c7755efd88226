"""How a check of held bars reads, in the chat and on the command line."""

from pipeline.domain.data_quality import DataQualityReport, HoldingQuality

_ROWS_SHOWN = 12


def quality_headline(report: DataQualityReport) -> str:
    """Return the first line."""
    if not report.rows:
        return "Quality: nothing is held that could be judged"
    worst = min(row.score for row in report.rows)
    if len(report.rows) == 1:
        return f"Quality of 1 holding: {worst:.2f} of 1"
    return f"Quality of {len(report.rows)} holdings: worst {worst:.2f} of 1"


def quality_lines(report: DataQualityReport) -> list[str]:
    """Return the holdings, the worst first: each with what got worse and its parts."""
    rows = sorted(report.rows, key=lambda row: (row.score, row.symbol, row.timeframe))
    left = len(rows) - _ROWS_SHOWN
    more = [f"… and {left} more: /quality SYMBOL"] if left > 0 else []
    shown = [line for row in rows[:_ROWS_SHOWN] for line in row_lines(row)]
    return [*shown, *more, *report.skipped, *report.warnings]


def row_lines(row: HoldingQuality) -> list[str]:
    """Return what one holding is worth, part by part."""
    before = "" if row.before is None else f" (before: {row.before:.2f})"
    head = f"{row.symbol} {row.timeframe}: {row.score:.2f} of 1{before}, {row.bars:,} bars"
    parts = [f"  {p.name}: {p.said}{f' (−{p.cost:.3f})' if p.cost else ''}" for p in row.parts]
    return [head, *(f"  {line}" for line in row.news), *parts]
