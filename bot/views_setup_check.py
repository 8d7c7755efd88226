"""How a checked setup file reads in the chat."""

from collections.abc import Sequence

from aiogram.utils.formatting import Bold, Code, Pre, Text, as_list

from bot import keyboards
from bot.keyboards import AddSetupCb, button
from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en, en_setup_check
from flows.setup_check import Checked
from flows.setup_check_text import check_lines
from pipeline.domain.errors import SetupError
from pipeline.domain.request import Actor

Lines = list[Text | str]


def how() -> View:
    """Return how to have a file checked."""
    return fit(Text(en_setup_check.HOW))


def wrong(error: SetupError, reference: str) -> View:
    """Return what is wrong: file, line, field and the valid words."""
    return fit(
        as_list(
            Bold(en_setup_check.WRONG), Code(error.user_text), en_setup_check.NOTHING_WRITTEN,
            Text(en.reference(""), Code(reference)),
        )
    )  # fmt: skip


def checked(found: Checked) -> View:
    """Return what it would have done, as a small table."""
    first, *rest = check_lines(found)
    table = [line for line in rest if line.startswith("  ")]
    before = [line for line in rest[: rest.index(table[0])] if line] if table else []
    after = rest[rest.index(table[-1]) + 1 :] if table else rest
    lines: Lines = [Bold(first), *before, *([Pre("\n".join(table))] if table else []), *after]
    return fit(as_list(*lines))


def example(words: str) -> View:
    """Return the caption of an example chart."""
    return fit(Text(words), limit=CAPTION_LIMIT)


def offer(found: Checked, token: str | None, actor: Actor, reason: str) -> View:
    """Return the caption of the funnel's picture, with the button that adds the setup."""
    if token is None or found.version is None:
        return fit(Text(en_setup_check.NOTHING_WRITTEN), limit=CAPTION_LIMIT)
    words = en_setup_check.offer(found.version, actor.name, reason or found.spec.reason)
    pressed = button(en_setup_check.button(found.version), AddSetupCb(token=token))
    return fit(Text(words), keyboards.rows([pressed]), limit=CAPTION_LIMIT)


def added(lines: Sequence[str]) -> View:
    """Return that it was added, and what becomes of it."""
    first, *rest = lines
    return fit(as_list(Bold(first), *rest))
