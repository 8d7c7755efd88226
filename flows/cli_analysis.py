"""The analyst's opinion as `scout` prints it."""

from pipeline.analysis.opinion_words import (
    dropped_words,
    head_words,
    opinion_lines,
    source_words,
)
from pipeline.domain.analysis import Analysis
from pipeline.domain.report import BacktestReport


def analysis_lines(report: BacktestReport) -> list[str]:
    """Return the opinion on a backtest or, where it was asked for in vain, why there is none."""
    options = report.request.get("options")
    asked = isinstance(options, dict) and options.get("analyze_with_llm")
    if report.analysis is None and not asked:
        return []
    why = next((t.error for t in report.tasks_completed if t.task == "gpt_analysis"), "")
    return opinion_or_why(report.analysis, why)


def opinion_or_why(analysis: Analysis | None, why: str) -> list[str]:
    """Return an opinion, or that there is none and why."""
    if analysis is not None and analysis.opinion is not None:
        told = [*opinion_lines(analysis.opinion), dropped_words(analysis), source_words(analysis)]
        head = f"Analyst: {head_words(analysis.opinion)}"
        return ["", head, *(f"  {line}" for line in told if line)]
    return ["", f"Analyst: no opinion. {why}".rstrip()]
