"""What a sentence wishes: the command it asks for, word by word, for a person to confirm."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.plain_words.name_words import take_setups, take_symbols, take_timeframe
from pipeline.plain_words.option_words import take_options
from pipeline.plain_words.period_words import take_period
from pipeline.plain_words.sentence import Sentence, Taken
from pipeline.plain_words.vocabulary import SILENT, VERBS, any_of, whole

Kind = Literal["run", "live", "look"]
MANY = 4
"""Setups that are offered where it can't be told which is meant."""

_VERBS: tuple[tuple[str, Kind, re.Pattern[str]], ...] = tuple(
    (word, cast("Kind", kind), whole(any_of(lines))) for word, kind, lines in VERBS
)


@dataclass(frozen=True)
class Understood:
    """What a sentence asks for.

    Parameters
    ----------
    command
        The command that says the same. It may lack what was not said.
    kind
        It starts a run, changes live watching, or only looks.
    taken
        Which words were read as what, in their order.
    unread
        Words that say something, but nothing that is understood.
    choices
        Commands to choose from where it can't be told which setup is meant; empty: it can.
    language
        "ru" for a sentence in Russian, else "en".
    """

    command: str
    kind: Kind
    taken: tuple[Taken, ...]
    unread: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    language: Literal["en", "ru"] = "en"


@dataclass(frozen=True)
class _Found:
    setups: list[KnownSetup]
    doubt: list[KnownSetup]
    symbols: list[str]
    timeframe: str | None
    period: str
    options: list[str]


def understand(
    text: str,
    known: KnownWords,
    titles: Mapping[str, str],
    today: date,
    commands: Collection[str],
) -> Understood | None:
    """Return what a sentence in English or Russian asks for; None if nothing is recognised.

    Parameters
    ----------
    titles
        Setup id to title.
    commands
        The words of commands that there are; others are not suggested.
    """
    sentence = Sentence.of(text)
    verb = _verb(sentence, commands)
    found = _found(sentence, known, titles, today)
    named = (found.setups or found.doubt) and (found.symbols or found.period)
    if verb is None and not named:
        return None
    word, kind = verb or ("backtest", "run")
    if word == "backtest" and (len(found.symbols) > 1 or len(found.setups) > 1):
        word = "batch"
    return Understood(
        command=_command(word, found, found.setups),
        kind=kind,
        taken=tuple(sentence.taken),
        unread=tuple(w for w, _ in sentence.words() if w not in SILENT),
        choices=tuple(_command(word, found, [setup]) for setup in found.doubt[:MANY]),
        language="ru" if re.search("[а-я]", sentence.original.lower()) else "en",
    )


def _verb(sentence: Sentence, commands: Collection[str]) -> tuple[str, Kind] | None:
    """Take the first word of a wish; of several kinds in one sentence the first listed counts."""
    for word, kind, pattern in _VERBS:
        if word.split()[0] not in commands:
            continue
        match = pattern.search(sentence.plain)
        if match:
            start, end = match.span()
            blank = " " * (end - start)
            sentence.plain = f"{sentence.plain[:start]}{blank}{sentence.plain[end:]}"
            return word, kind
    return None


def _found(
    sentence: Sentence, known: KnownWords, titles: Mapping[str, str], today: date
) -> _Found:
    """Take everything that is named: exact setup ids first, as their letters mean other things."""
    span = take_period(sentence, today)
    options = take_options(sentence)
    timeframe = take_timeframe(sentence)
    symbols = take_symbols(sentence, known)
    setups, doubt = take_setups(sentence, known, titles)
    period = "" if span is None else f"{span[0]}..{span[1]}" if span[0] < span[1] else f"{span[0]}"
    return _Found(setups, doubt, symbols, timeframe, period, options)


def _command(word: str, found: _Found, setups: list[KnownSetup]) -> str:
    names = [setup.setup_id for setup in setups]
    frame = [found.timeframe] if found.timeframe else []
    period = [found.period] if found.period else []
    parts: dict[str, list[str]] = {
        "live on": [*found.symbols, *frame, *names],
        "live off": [*found.symbols, *names],
        "live replay": [*found.symbols, *period, *names],
        "why": [*found.symbols, *period, *names],
        "train": [f"setup={name}" for name in names],
        "fetch": [*found.symbols, *frame, *period],
        "analyze": [*found.symbols, *frame],
        "verify": [*names, *found.symbols, *frame, *period],
    }
    usual = [*names, *found.symbols, *frame, *period, *found.options]
    return " ".join([f"/{word}", *parts.get(word, usual)])
