"""How an analysis of a symbol reads in the chat."""

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en_analyze as en
from bot.views_analysis import no_opinion, opinion
from flows.analyze_text import (
    age_line,
    headline,
    level_lines,
    setup_lines,
    signal_lines,
    stale_line,
    state_lines,
)
from pipeline.domain.analyze import SymbolReport

Lines = list[Text | str]


def symbol(report: SymbolReport) -> View:
    """Return the card of a symbol: staleness first, then state, levels, setups, signals."""
    stale = stale_line(report)
    lines: Lines = [Bold(stale), ""] if stale else []
    lines += [Bold(headline(report)), *state_lines(report)]
    lines += [] if stale else [age_line(report)]
    lines += ["", Bold(en.LEVELS), *level_lines(report), "", Bold(en.SETUPS), *setup_lines(report)]
    if report.signals:
        lines += ["", Bold(en.SIGNALS), *signal_lines(report)]
    lines += opinion(report.analysis) or no_opinion(report.no_analysis)
    notes = [*([en.SYNTHETIC] if report.synthetic else []), *report.warnings]
    if notes:
        lines += ["", ExpandableBlockQuote(as_list(*notes))]
    keys = rows([button(en.AGAIN, RerunCb(run_id=report.run_id))])
    return fit(as_list(*lines, Code(report.run_id)), keys)
