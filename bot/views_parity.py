"""How a parity certificate reads in the chat: n of n identical, or differences with causes."""

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import RerunCb, button, rows
from bot.keyboards_alert import InspectCb
from bot.layout import View, fit
from bot.texts import en
from bot.texts import en_parity as words
from flows.parity_text import (
    NOTHING,
    VERDICTS,
    bars_lines,
    difference_line,
    headline,
    scans_line,
    what,
)
from pipeline.live.certificate import ParityReport

Lines = list[Text | str]
_OPEN = 3  # differences that are shown without unfolding
_INSPECTED = 3


def certificate(report: ParityReport) -> View:
    """Return the card."""
    lines: Lines = [Bold(f"{words.MARKS[report.verdict]} {headline(report)}"), what(report)]
    if report.verdict == "nothing":
        lines.append(NOTHING)
    else:
        lines += [VERDICTS[report.verdict], *_differences(report)]
        lines += [scans_line(report.scans), *bars_lines(report.bars)]
    lines += [f"{symbol} was not compared: {why}" for symbol, why in report.failed.items()]
    lines += [*report.warnings, Code(report.run_id)]
    named = [line.signal_id for line in report.differences if line.signal_id]
    inspect = [
        button(f"{words.INSPECT} {sid}", InspectCb(signal_id=sid)) for sid in named[:_INSPECTED]
    ]
    again = [button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]
    return fit(as_list(*lines), rows(*([one] for one in inspect), again))


def _differences(report: ParityReport) -> Lines:
    told = [difference_line(line) for line in report.differences]
    folded = told[_OPEN:]
    quote = [ExpandableBlockQuote(as_list(*folded))] if folded else []
    return [*told[:_OPEN], *quote]
