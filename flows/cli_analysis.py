"""The analyst's opinion as `scout` prints it."""

from pipeline.analysis.opinion_words import (
    dropped_words,
    head_words,
    opinion_lines,
    source_words,
)
from pipeline.domain.report import BacktestReport


def analysis_lines(report: BacktestReport) -> list[str]:
    """Return the opinion on a backtest or, where it was asked for in vain, why there is none."""
    analysis = report.analysis
    if analysis is not None and analysis.opinion is not None:
        told = [*opinion_lines(analysis.opinion), dropped_words(analysis), source_words(analysis)]
        head = f"Analyst: {head_words(analysis.opinion)}"
        return ["", head, *(f"  {line}" for line in told if line)]
    options = report.request.get("options")
    if not (isinstance(options, dict) and options.get("analyze_with_llm")):
        return []
    why = next((t.error for t in report.tasks_completed if t.task == "gpt_analysis"), "")
    return ["", f"Analyst: no opinion. {why}".rstrip()]
