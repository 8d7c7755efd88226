"""Reads what a person typed after /analyze: a symbol, maybe a timeframe, maybe `llm=off`."""

from datetime import date
from typing import TypeVar

from pipeline.command_words import KnownWords, closest_words, timeframe_of
from pipeline.commands import TIMEFRAME, nearest_length, words_in
from pipeline.domain.analyze import AnalyzeOptions, AnalyzeRequest
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe

EXAMPLES = ("/analyze GER40", "/analyze EURUSD M15")
_LLM = {"llm", "analyze_with_llm", "analyst"}
_VALUES = {**dict.fromkeys(("on", "true", "yes", "1"), True),
           **dict.fromkeys(("off", "false", "no", "0"), False)}  # fmt: skip
_LONGEST = 40
T = TypeVar("T", str, Timeframe)


def parse_analyze(text: str, known: KnownWords, today: date) -> AnalyzeRequest:
    """Return the analysis that `text` asks for, words in any order.

    Raises
    ------
    BadRequestError
        Naming the field, the value and the closest valid values.
    """
    del today
    symbol: str | None = None
    timeframe: Timeframe | None = None
    options = AnalyzeOptions()
    for word in words_in(text):
        named, frame = known.symbol(word), timeframe_of(word)
        if named is not None:
            symbol = _once("symbol", symbol, named)
        elif frame is not None:
            timeframe = _once("timeframe", timeframe, frame)
        elif "=" in word:
            options = _option(word)
        else:
            _refuse(word, symbol, known)
    if symbol is None:
        choices = tuple(known.held) or known.symbols[:3]
        raise BadRequestError(
            f"Which symbol? For example: {EXAMPLES[0]}", field="symbol", closest=choices,
            corrected=f"/analyze {choices[0]}" if choices else "",
        )  # fmt: skip
    return AnalyzeRequest(symbol=symbol, timeframe=timeframe, options=options)


def _once(field: str, before: T | None, now: T) -> T:
    if before is not None and before != now:
        raise BadRequestError(
            f"Two values for {field}: {before} and {now}. Which one?",
            field=field, value=str(now), closest=(str(before), str(now)),
        )  # fmt: skip
    return now


def _option(word: str) -> AnalyzeOptions:
    name, _, value = word.lstrip("-").partition("=")
    if name.lower() not in _LLM or value.lower() not in _VALUES:
        raise BadRequestError(
            f"Unknown option {word[:_LONGEST]!r}: llm=on and llm=off are known.",
            field="options", value=word[:_LONGEST], closest=("llm=off", "llm=on"),
        )  # fmt: skip
    return AnalyzeOptions(analyze_with_llm=_VALUES[value.lower()])


def _refuse(word: str, symbol: str | None, known: KnownWords) -> None:
    word = word[:_LONGEST]
    if TIMEFRAME.fullmatch(word):
        closest = nearest_length(word, tuple(Timeframe))
        raise BadRequestError(
            f"unknown timeframe {word!r}: did you mean {closest[0]}?",
            field="timeframe", value=word, closest=closest,
        )  # fmt: skip
    near = closest_words(word, (*known.symbols, *known.aliases))
    closest = tuple(dict.fromkeys(known.symbol(s) or s for s in near)) or known.symbols
    hint = f": did you mean {closest[0]}?" if near else ""
    what = "symbol" if symbol is None else "symbol, timeframe or option"
    raise BadRequestError(
        f"unknown {what} {word!r}{hint}", field="symbol", value=word, closest=closest[:4]
    )
