"""How a weekly card reads in the chat."""

from aiogram.utils.formatting import Bold, Text, as_list

from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en_week
from flows.weekly import Week
from pipeline.render.week_words import counts_words


def card(week: Week) -> View:
    """Return the caption of the picture."""
    lines: list[Text | str] = [Bold(week.title), counts_words(week.card), *week.lines]
    return fit(as_list(*lines), limit=CAPTION_LIMIT)


def nothing(week: Week) -> View:
    """Return what is said of a week without signals."""
    return fit(as_list(Bold(week.title), en_week.NOTHING, en_week.HOW))
