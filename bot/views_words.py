"""How a sentence that was read is put to the person who wrote it, to confirm."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards
from bot.caption import short
from bot.layout import View, fit
from bot.texts.words import LANGUAGES
from pipeline.plain_words.sentence import Taken
from pipeline.plain_words.wishes import Understood

_LONGEST: Final = 60
_KINDS: Final = ("setup", "symbol", "timeframe", "period", "option")


def confirmation(found: Understood, token: str, note: str = "") -> View:
    """Return what was read, word by word, with the button that does it.

    Parameters
    ----------
    token
        Of the kept command; empty: it is to be copied and sent, as it only looks.
    note
        Why the analyst, who is set up, has no say in it.
    """
    words = LANGUAGES[found.language]
    by = "analyst" if found.by_analyst else "confirm"
    title = words[by] if token else words["send"]
    body = as_list(Bold(title), Code(found.command), *_told(found, words, note))
    offers = [(words[found.kind], token)] if token else []
    return fit(body, keyboards.commands(offers, found.command))


def choice(found: Understood, offers: Sequence[tuple[str, str]], note: str = "") -> View:
    """Ask which of several commands is meant; each offer is (command, token)."""
    words = LANGUAGES[found.language]
    commands = [Code(command) for command, _ in offers]
    body = as_list(Bold(words["which"]), *commands, *_told(found, words, note))
    return fit(body, keyboards.commands([(_name(command), token) for command, token in offers]))


def as_far_as(found: Understood, note: str = "") -> View:
    """Return what was read of a sentence that lacks something; what it lacks is asked next."""
    words = LANGUAGES[found.language]
    return fit(as_list(Bold(words["missing"]), Code(found.command), *_told(found, words, note)))


def _name(command: str) -> str:
    """Return what tells a choice from the others: its setup."""
    return command.split()[1]


def _told(found: Understood, words: Mapping[str, str], note: str) -> list[Text | str]:
    """Return a line for each thing that was read, and one for what was not."""
    ordered = sorted(found.taken, key=lambda taken: (_KINDS.index(taken.kind), taken.meaning))
    lines: list[Text | str] = [
        _line(words[kind], list(group), meaning)
        for (kind, meaning), group in groupby(ordered, lambda taken: (taken.kind, taken.meaning))
    ]
    if found.unread:
        lines.append(
            Text(Bold(words["unread"]), " ", short(", ".join(found.unread), 3 * _LONGEST))
        )
    return [*lines, *([short(note, 3 * _LONGEST)] if note else [])]


def _line(kind: str, group: list[Taken], meaning: str) -> str:
    said = " … ".join(dict.fromkeys(taken.words for taken in group))
    quoted = f": “{short(said, _LONGEST)}”" if said else ""
    return f"• {kind}{quoted} → {short(meaning, _LONGEST)}"
