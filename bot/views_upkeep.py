"""How an upkeep reads in the chat."""

from aiogram.utils.formatting import Bold, Code, as_list

from bot.layout import View, fit
from flows.upkeep_text import upkeep_headline, upkeep_lines
from pipeline.domain.upkeep import UpkeepReport


def upkeep(report: UpkeepReport) -> View:
    """Return the card of an upkeep: part by part what was found, removed, kept and why."""
    lines = [Bold(upkeep_headline(report)), *upkeep_lines(report), Code(report.run_id)]
    return fit(as_list(*lines), None)
