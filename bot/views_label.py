"""How a labelling reads in the chat: each setup's rows, and what a training still lacks."""

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en
from bot.texts import en_label as words
from flows.label_text import changes_line, headline, set_head, set_lines, training_line, what
from pipeline.domain.train_report import LabelReport

Lines = list[Text | str]


def labelled(report: LabelReport) -> View:
    """Return the card."""
    lines: Lines = [Bold(headline(report)), what(report), ""]
    for one in report.sets:
        lines += [Bold(set_head(one)), *set_lines(one), ""]
    if report.left_out:
        told = [f"{setup}: {why}" for setup, why in report.left_out.items()]
        lines.append(ExpandableBlockQuote(as_list(Bold(words.LEFT_OUT), *told)))
    lines += [changes_line(report), training_line(report), words.RULE]
    lines += [*report.warnings, Code(report.run_id)]
    again = [button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]
    return fit(as_list(*lines), rows(again))
