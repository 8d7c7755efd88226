"""How an explanation reads in the chat."""

from collections.abc import Sequence

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards
from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en_why
from flows.why import Explained
from flows.why_text import headline, lines_of, short_lines
from pipeline.why_words import EXAMPLES

Lines = list[Text | str]


def usage() -> View:
    """Return how to ask."""
    return fit(as_list(en_why.USAGE, *map(Code, EXAMPLES)), keyboards.commands((), EXAMPLES[0]))


def explained(answer: Explained) -> View:
    """Return one setup's answer, gate by gate or as a funnel."""
    first, *rest = lines_of(answer)
    return fit(as_list(Bold(headline(answer)), Bold(first), *rest))


def decision(lines: Sequence[str]) -> View:
    """Return why a live signal was decided as it was."""
    first, *rest = lines
    return fit(as_list(Bold(first), *rest))


def caption(answer: Explained) -> View:
    """Return the caption of its picture."""
    return fit(Text(headline(answer)), limit=CAPTION_LIMIT)


def in_short(answers: Sequence[Explained]) -> View:
    """Return the answers of several setups, one line each."""
    lines: Lines = [Bold(en_why.TITLE), *short_lines(answers), "", en_why.MORE]
    return fit(as_list(*lines))
