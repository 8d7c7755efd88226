"""What a sentence wishes: the command it asks for, word by word, for a person to confirm."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, cast

from pipeline.command_words import KnownWords
from pipeline.plain_words.name_words import take_setups, take_symbols, take_timeframe
from pipeline.plain_words.option_words import take_options
from pipeline.plain_words.period_words import names_more, take_period
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
    by_analyst
        A model read it, not the rules.
    """

    command: str
    kind: Kind
    taken: tuple[Taken, ...]
    unread: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    language: Literal["en", "ru"] = "en"
    by_analyst: bool = False


@dataclass(frozen=True)
class Named:
    """What a wish names, as words of commands; a period is like 2025-01-01..2025-03-31."""

    setups: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    period: str = ""
    options: tuple[str, ...] = ()


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
    named, doubt = _named(sentence, known, titles, today)
    if verb is None and not ((named.setups or doubt) and (named.symbols or named.period)):
        return None
    word, kind = verb or ("backtest", "run")
    return Understood(
        command=command_for(word, named),
        kind=kind,
        taken=tuple(sentence.taken),
        unread=tuple(w for w, _ in sentence.words() if w not in SILENT),
        choices=tuple(command_for(word, replace(named, setups=(one,))) for one in doubt[:MANY]),
        language=language_of(text),
    )


def names_something(text: str, known: KnownWords, titles: Mapping[str, str], today: date) -> bool:
    """Tell whether a text names a setup or a symbol, whatever else it says."""
    named, doubt = _named(Sentence.of(text), known, titles, today)
    return bool(named.setups or doubt or named.symbols)


def language_of(text: str) -> Literal["en", "ru"]:
    """Return "ru" for a text with Cyrillic letters, else "en"."""
    return "ru" if re.search("[а-яё]", text.lower()) else "en"


def kind_of(word: str) -> Kind:
    """Return what a command does."""
    return next((kind for each, kind, _ in _VERBS if each == word), "run")


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


def _named(
    sentence: Sentence, known: KnownWords, titles: Mapping[str, str], today: date
) -> tuple[Named, list[str]]:
    """Take everything that is named, and return with it the setups that may be meant."""
    span = take_period(sentence, today)
    options = take_options(sentence)
    timeframe = take_timeframe(sentence)
    symbols = take_symbols(sentence, known)
    if span is not None and names_more(sentence):  # two periods, or half of one: ask which
        span = None
        sentence.forget("period")
    setups, doubt = take_setups(sentence, known, titles)
    named = Named(
        setups=tuple(setup.setup_id for setup in setups),
        symbols=tuple(symbols),
        timeframe=timeframe or "",
        period="" if span is None else period_word(*span),
        options=tuple(options),
    )
    return named, [setup.setup_id for setup in doubt]


def period_word(start: date, end: date) -> str:
    """Return a period as commands take it."""
    return f"{start}..{end}" if start < end else f"{start}"


def command_for(word: str, named: Named) -> str:
    """Return the command that asks for what is named, in the order that people expect."""
    setups, symbols = named.setups, named.symbols
    frame, period = (named.timeframe,), (named.period,)
    if word == "backtest" and (len(symbols) > 1 or len(setups) > 1):
        word = "batch"
    parts: dict[str, tuple[str, ...]] = {
        "live on": (*symbols, *frame, *setups),
        "live off": (*symbols, *setups),
        "live replay": (*symbols, *period, *setups),
        "why": (*symbols, *period, *setups),
        "train": tuple(f"setup={setup}" for setup in setups),
        "fetch": (*symbols, *frame, *period),
        "analyze": (*symbols, *frame),
    }
    usual = (*setups, *symbols, *frame, *period, *named.options)
    return " ".join([f"/{word}", *(part for part in parts.get(word, usual) if part)])
