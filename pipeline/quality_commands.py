"""Reads what a person or a schedule wrote after /quality."""

from datetime import date

from pipeline.command_words import KnownWords, closest_words
from pipeline.commands import words_in
from pipeline.domain.data_quality import QualityRequest
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe


def parse_quality(text: str, known: KnownWords, today: date) -> QualityRequest:
    """Return the check that `/quality [SYMBOL [TF]]` asks for.

    Raises
    ------
    BadRequestError
        Naming the word that is no symbol and no timeframe, or the second of a kind.
    """
    del today
    symbol, timeframe = "", None
    for word in words_in(text):
        found = known.symbol(word)
        if found is not None and not symbol:
            symbol = found
        elif word.upper() in Timeframe.__members__ and timeframe is None:
            timeframe = Timeframe(word.upper())
        else:
            raise BadRequestError(
                f"/quality takes a symbol and a timeframe, like /quality GER40 M1; not {word!r}.",
                field="word", value=word,
                closest=closest_words(word, (*known.symbols, *Timeframe)), corrected="",
            )  # fmt: skip
    return QualityRequest(symbol=symbol, timeframe=timeframe)
