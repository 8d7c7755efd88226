"""Reads what a person typed after /fetch and /source."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.command_words import Draft, KnownWords, closest_words
from pipeline.commands import read_word, refuse_word, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.fetch import FetchRequest
from pipeline.domain.market import Timeframe

EXAMPLE = "/fetch GER40 M1 2024-01-01..2024-12-31"
_THEN = re.compile(r"\s+then\s+(/\S.*)$", re.IGNORECASE | re.DOTALL)
_YES, _NO = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}
_SWITCHES = ("again", "mix")


def parse_fetch(text: str, known: KnownWords, today: date) -> FetchRequest:
    """Return the fetch that `text` asks for, words in any order.

    Parameters
    ----------
    text
        `/fetch GER40 M1 2024`, maybe with source=dukascopy, again=yes, mix=yes, `all`, and at
        the end `then /backtest …`.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    command = _THEN.search(text)
    head = text[: command.start()] if command else text
    draft, own = Draft(), dict[str, Any]()
    for word in words_in(head):
        if not _own(word, own) and ("=" in word or not read_word(word, draft, today, known)):
            _refuse(word, draft, known)
    if draft.setup is not None:
        raise _wrong("text", draft.setup.setup_id, "Bars are of a symbol, not of a setup.")
    if draft.symbol is None:
        raise BadRequestError(
            "Which symbol?", field="symbol", closest=known.symbols[:4],
            corrected=f"/fetch {known.symbols[0]}" if known.symbols else EXAMPLE,
        )  # fmt: skip
    start, end = draft.period or (None, None)
    return FetchRequest(
        symbol=draft.symbol, timeframe=draft.timeframe or Timeframe.M1, start=start, end=end,
        then=command[1].strip() if command else "", **own,
    )  # fmt: skip


def _own(word: str, own: dict[str, Any]) -> bool:
    """Read a word that only this command has."""
    name, sign, value = word.lstrip("-").lower().partition("=")
    if name in ("all", "everything") and not sign:
        own["everything"] = True
    elif name == "source" and sign:
        own["source"] = value
    elif name in _SWITCHES:
        if sign and value not in _YES | _NO:
            raise _wrong(name, value, f"{name}= takes yes or no.", (f"{name}=yes",))
        own[name] = not sign or value in _YES
    else:
        return False
    return True


def _refuse(word: str, draft: Draft, known: KnownWords) -> None:
    """Raise for a word that is nothing we know."""
    if "=" in word:
        raise _wrong("option", word, "/fetch takes source=…, again=yes, mix=yes.")
    if draft.symbol is None:
        near = closest_words(word, (*known.symbols, *known.aliases))
        named = tuple(dict.fromkeys(known.symbol(each) or each for each in near))
        hint = f": did you mean {named[0]}?" if named else "."
        error = _wrong(
            "symbol", word, f"unknown symbol {word!r}{hint}", named or known.symbols[:4]
        )
        raise error
    refuse_word(word, draft, known)


def _wrong(field: str, value: str, text: str, closest: tuple[str, ...] = ()) -> BadRequestError:
    return BadRequestError(text, field=field, value=value, closest=closest, corrected="")


@dataclass(frozen=True)
class SourceWish:
    """What /source asks: to list (nothing set), to look at a symbol, or to choose for it.

    `choice` None: look; empty: forget; else the sources in the order in which they are asked.
    """

    symbol: str = ""
    choice: tuple[str, ...] | None = None


def parse_source(text: str, known: KnownWords, sources: tuple[str, ...]) -> SourceWish:
    """Return what `/source [SYMBOL [SOURCE… | auto]]` wishes.

    Raises
    ------
    BadRequestError
        For a symbol or a source that there is not, with the closest ones.
    """
    words = re.sub(r"^/\w+(@\w+)?", "", text).replace(",", " ").split()
    if not words:
        return SourceWish()
    symbol = known.symbol(words[0])
    if symbol is None:
        near = closest_words(words[0], (*known.symbols, *known.aliases))
        named = tuple(dict.fromkeys(known.symbol(each) or each for each in near))
        rest = " ".join(words[1:])
        raise BadRequestError(
            f"unknown symbol {words[0]!r}: " + ", ".join(named or known.symbols),
            field="symbol", value=words[0], closest=named or known.symbols[:4],
            corrected=f"/source {(named or known.symbols)[0]} {rest}".strip(),
        )  # fmt: skip
    if not words[1:]:
        return SourceWish(symbol)
    if [word.lower() for word in words[1:]] == ["auto"]:
        return SourceWish(symbol, ())
    for word in words[1:]:
        if word.lower() not in sources:
            near = closest_words(word, sources) or sources
            raise BadRequestError(
                f"unknown source {word!r}: there are {', '.join(sources)}.",
                field="source", value=word, closest=near, corrected=f"/source {symbol} {near[0]}",
            )  # fmt: skip
    return SourceWish(symbol, tuple(dict.fromkeys(word.lower() for word in words[1:])))
