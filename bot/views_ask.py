"""How a question over a run's trades and its answer read in the chat."""

from aiogram.utils.formatting import Bold, Code, as_list

from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en_ask
from flows.asking import EXAMPLES, Asked, answer_lines, answer_title


def usage() -> View:
    """Return how to ask."""
    return fit(as_list(en_ask.USAGE, *map(Code, EXAMPLES), en_ask.FORMS))


def invitation(run_id: str) -> View:
    """Return what the button Ask says; an answer to this message is a question."""
    return fit(as_list(en_ask.invitation(run_id), en_ask.FORMS))


def answered(answer: Asked) -> View:
    """Return an answer: words if there are any, how it was asked, the table."""
    return fit(as_list(Bold(answer_title(answer)), *answer_lines(answer)))


def caption(answer: Asked) -> View:
    """Return the caption of its picture."""
    return fit(as_list(answer_title(answer)), limit=CAPTION_LIMIT)
