"""How /journal reads in the chat: what is written, owed and given up, and why."""

from aiogram.utils.formatting import Bold, Text, TextLink, as_list

from bot.caption import short
from bot.layout import View, fit
from bot.texts import en_journal as en
from flows.journal_desk import Standing, standing_lines
from pipeline.domain.journal import PageState

LONGEST = 300


def card(found: Standing) -> View:
    """Return how the journal stands."""
    lines: list[Text | str] = [Bold(en.TITLE)]
    if found.why:
        lines.append(found.why)
    lines += [short(line, LONGEST) for line in standing_lines(found)]
    if found.pages.given_up:
        lines.append(en.RETRY_HOW)
    if found.url:
        lines.append(TextLink(en.OPEN, url=found.url))
    return fit(as_list(*lines))


def page(key: str, found: PageState | None) -> View:
    """Return the link to one page."""
    if found is None or not found.url:
        return fit(Text(en.NO_PAGE))
    return fit(Text(key, ": ", TextLink(en.PAGE, url=found.url)))
