"""Reads what a person or a schedule wrote after /ingest and /instruments."""

from datetime import date

from pipeline.command_words import KnownWords, closest_words
from pipeline.commands import words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.ingest import KINDS, IngestKind, IngestRequest
from pipeline.domain.instrument_info import InstrumentsRequest


def parse_ingest(text: str, known: KnownWords, today: date) -> IngestRequest:
    """Return the ingest that `/ingest [KIND] [SYMBOL…] [source=NAME]` asks for.

    Raises
    ------
    BadRequestError
        Naming the word that is no kind and no symbol, and the closest ones.
    """
    del today
    kind: IngestKind = "end_of_day"
    symbols: list[str] = []
    source = ""
    for word in words_in(text):
        name, sign, value = word.lower().partition("=")
        found = next((one for one in KINDS if one == name.replace("-", "_")), None)
        symbol = known.symbol(word)
        if sign and name == "source":
            source = value
        elif found is not None and not sign:
            kind = found
        elif symbol is not None:
            symbols.append(symbol)
        else:
            choices = (*KINDS, *known.symbols)
            raise BadRequestError(
                f"/ingest doesn't know {word!r}: it takes {', '.join(KINDS)}, symbols, source=….",
                field="word", value=word, closest=closest_words(word, choices) or KINDS,
                corrected="",
            )  # fmt: skip
    return IngestRequest(kind=kind, symbols=tuple(dict.fromkeys(symbols)), source=source)


def parse_instruments(text: str, known: KnownWords, today: date) -> InstrumentsRequest:
    """Return what `/instruments [SYMBOL…]` asks for.

    Raises
    ------
    BadRequestError
        Naming the word that is no symbol, and the closest ones.
    """
    del today
    symbols: list[str] = []
    for word in words_in(text):
        symbol = known.symbol(word)
        if symbol is None:
            raise BadRequestError(
                f"/instruments takes symbols, and {word!r} is none.",
                field="symbol", value=word,
                closest=closest_words(word, known.symbols) or known.symbols[:3], corrected="",
            )  # fmt: skip
        symbols.append(symbol)
    return InstrumentsRequest(symbols=tuple(dict.fromkeys(symbols)))
