"""Reads what a person typed after /quarantine."""

import re
from dataclasses import dataclass
from typing import Literal

from pipeline.command_words import KnownWords, closest_words
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe

Verdict = Literal["", "accepted", "discarded"]
_VERDICTS: dict[str, Verdict] = {
    "accept": "accepted",
    "accepted": "accepted",
    "discard": "discarded",
    "discarded": "discarded",
}
_SEEN = re.compile(r"seen=([0-9a-f]{8})$")


@dataclass(frozen=True)
class QuarantineWish:
    """What /quarantine asks: to list, or to decide on all that waits of a symbol and timeframe.

    `seen` is the mark of the list that was decided on; empty: whatever waits.
    """

    symbol: str = ""
    timeframe: Timeframe | None = None
    verdict: Verdict = ""
    seen: str = ""


def parse_quarantine(text: str, known: KnownWords) -> QuarantineWish:
    """Return what `/quarantine [SYMBOL [TF]] [accept | discard]` wishes, words in any order.

    Raises
    ------
    BadRequestError
        For a word that is nothing known, or a decision without symbol and timeframe.
    """
    symbol, timeframe, seen = "", None, ""
    verdict: Verdict = ""
    for word in re.sub(r"^/\w+(@\w+)?", "", text).split():
        mark = _SEEN.match(word.lower())
        named = known.symbol(word)
        if word.upper() in Timeframe.__members__:
            timeframe = Timeframe(word.upper())
        elif word.lower() in _VERDICTS:
            verdict = _VERDICTS[word.lower()]
        elif mark:
            seen = mark[1]
        elif named is not None and not symbol:
            symbol = named
        else:
            raise _unknown(word, symbol, known)
    if verdict and not (symbol and timeframe):
        raise BadRequestError(
            "Which bars? Say symbol and timeframe, like /quarantine GER40 M1 accept.",
            field="timeframe" if symbol else "symbol", value=None,
            closest=("M1", "M5") if symbol else known.symbols[:4], corrected="/quarantine",
        )  # fmt: skip
    return QuarantineWish(symbol, timeframe, verdict, seen)


def _unknown(word: str, symbol: str, known: KnownWords) -> BadRequestError:
    if symbol:
        choices = (*Timeframe, "accept", "discard")
        near = closest_words(word, choices)
        text = f"/quarantine doesn't know {word!r}: it takes a timeframe, accept or discard."
        return BadRequestError(
            text, field="word", value=word, closest=near or choices, corrected=""
        )
    near = closest_words(word, (*known.symbols, *known.aliases))
    named = tuple(dict.fromkeys(known.symbol(each) or each for each in near))
    return BadRequestError(
        f"unknown symbol {word!r}: " + ", ".join(named or known.symbols),
        field="symbol", value=word, closest=named or known.symbols[:4],
        corrected=f"/quarantine {(named or known.symbols)[0]}" if known.symbols else "",
    )  # fmt: skip
