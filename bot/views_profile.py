"""How a rule profile reads in the chat, with a button under what is worth trying."""

from aiogram.types import InlineKeyboardButton
from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import RerunCb, TryCb, button, rows
from bot.layout import View, fit
from bot.texts import en
from bot.texts import en_profile as words
from flows.profile_text import (
    best_line,
    ground_lines,
    ground_title,
    suggestion_line,
    tried_lines,
    verdict_lines,
)
from pipeline.research.profile import GroundProfile, ProfileReport

Lines = list[Text | str]
_MOST_GROUNDS = 4


def profile(report: ProfileReport) -> View:
    """Return the message of a profile, or of a suggestion that was tried."""
    if report.tried is not None:
        return _tried(report)
    lines: Lines = [Bold(f"{words.TITLE} · {report.setup_id} v{report.rule_version}"), ""]
    first, *rest = verdict_lines(report)
    lines += [Bold(first) if not report.suggestions else first, *rest]
    for number, suggestion in enumerate(report.suggestions, start=1):
        lines += ["", Bold(f"{words.WORTH} {number}"), suggestion_line(suggestion)]
    for ground in report.grounds[:_MOST_GROUNDS]:
        lines += ["", *_ground(ground)]
    if len(report.grounds) > _MOST_GROUNDS:
        lines.append(f"… and {len(report.grounds) - _MOST_GROUNDS} more in the report")
    lines += ["", *report.warnings, Code(report.run_id)]
    pressed = [[_try(report, n)] for n in range(1, len(report.suggestions) + 1)]
    again = [button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]
    return fit(as_list(*lines), rows(*pressed, again))


def _ground(ground: GroundProfile) -> Lines:
    found: Lines = [Bold(ground_title(ground)), *ground_lines(ground)]
    if ground.best:
        best = [best_line(one) for one in ground.best]
        found.append(ExpandableBlockQuote(as_list(Bold(words.BEST), *best)))
    return found


def _try(report: ProfileReport, number: int) -> InlineKeyboardButton:
    several = f" {number}" if len(report.suggestions) > 1 else ""
    return button(f"{words.BUTTON_TRY}{several}", TryCb(run_id=report.run_id, number=number))


def _tried(report: ProfileReport) -> View:
    assert report.tried is not None  # noqa: S101  (asked before)
    first, *rest = tried_lines(report.tried)
    lines: Lines = [Bold(first), *rest, words.STAYS, *report.warnings, Code(report.run_id)]
    return fit(as_list(*lines))
