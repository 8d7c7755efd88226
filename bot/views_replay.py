"""How a replay's summary reads in the chat."""

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en
from flows.replay_text import headline, line, played, sums
from pipeline.domain.replay import ReplayReport


def replay(report: ReplayReport) -> View:
    """Return the card: what was played, each signal with its decision and outcome."""
    lines: list[Text | str] = [Bold(f"Replay over: {headline(report)}"), sums(report)]
    told = [line(signal, report.zone) for signal in report.signals]
    if told:
        lines.append(ExpandableBlockQuote(as_list(*told)))
    lines.append(played(report))
    lines += [f"{symbol} failed: {why}" for symbol, why in report.failed.items()]
    lines += [*report.warnings, Code(report.run_id)]
    return fit(as_list(*lines), rows([button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]))
