"""How a backup reads in the chat."""

from aiogram.utils.formatting import Bold, Code, as_list

from bot.keyboards import RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en
from flows.backup_text import backup_lines, headline
from pipeline.domain.backup import BackupReport


def backup(report: BackupReport) -> View:
    """Return the card."""
    lines = [Bold(f"✓ {headline(report)}"), *backup_lines(report)]
    again = [button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]
    return fit(as_list(*lines, Code(report.place), Code(report.run_id)), rows(again))
