"""How a verification reads in the chat: a card with every check."""

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en
from bot.texts import en_verify as words
from flows.verify_text import TITLES, difference_lines, figure_words
from pipeline.verify.report import VerifyReport
from pipeline.verify.results import Check

Lines = list[Text | str]


def verification(report: VerifyReport) -> View:
    """Return the card: the verdict, each check with what was compared, differences in full."""
    lines: Lines = [
        Bold(f"{words.MARKS[report.verdict]} {words.VERDICTS[report.verdict]}"),
        f"{report.setup_id} v{report.rule_version} · {report.symbol} {report.timeframe}",
        f"{report.period_start} – {report.period_end} · {report.bars:,} bars · {report.source}",
        "",
    ]
    for check in report.checks:
        lines += _check(check, report.seconds.get(check.name, 0.0))
    lines += ["", words.PROVES_NOT, *report.warnings]
    lines += [Text("Data ", Code(str(report.provenance.get("data_hash", ""))[:12]))]
    lines += [Code(report.run_id)]
    return fit(as_list(*lines), rows([button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]))


def _check(check: Check, seconds: float) -> Lines:
    head = Text(words.MARKS[check.verdict], " ", Bold(TITLES[check.name]))
    lines: Lines = [head, f"{figure_words(check)} · {seconds:.0f} s"]
    if check.note:
        lines.append(check.note)
    if check.difference is not None:
        found = as_list(Bold(words.FIRST), *difference_lines(check))
        lines.append(ExpandableBlockQuote(found))
    return lines
