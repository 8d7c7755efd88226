"""How the analyst's opinion reads in the chat: plain words, with what they are and cost."""

from aiogram.utils.formatting import Bold, ExpandableBlockQuote, Text, as_list

from bot.caption import short
from bot.texts import en_analysis as en
from pipeline.analysis.opinion_words import (
    dropped_words,
    head_words,
    opinion_lines,
    source_words,
)
from pipeline.domain.analysis import Analysis
from pipeline.domain.report import BacktestReport

Lines = list[Text | str]
_SENTENCES = 300


def opinion(analysis: Analysis | None) -> Lines:
    """Return the opinion with a title, folded; nothing without one."""
    if analysis is None or analysis.opinion is None:
        return []
    told = [short(line, _SENTENCES) for line in opinion_lines(analysis.opinion)]
    told += [line for line in (dropped_words(analysis), source_words(analysis)) if line]
    title = Text(Bold(f"{en.TITLE}: "), head_words(analysis.opinion))
    return ["", title, ExpandableBlockQuote(as_list(*told))]


def of_backtest(result: BacktestReport) -> Lines:
    """Return the opinion on a backtest or, where it was asked for in vain, why there is none."""
    if result.analysis is not None:
        return opinion(result.analysis)
    options = result.request.get("options")
    if not (isinstance(options, dict) and options.get("analyze_with_llm")):
        return []
    why = next((t.error for t in result.tasks_completed if t.task == "gpt_analysis"), "")
    return no_opinion(why)


def no_opinion(why: str) -> Lines:
    """Say that there is no opinion, and why."""
    return ["", Text(Bold(f"{en.TITLE}: "), en.missing(short(why, _SENTENCES)))]
