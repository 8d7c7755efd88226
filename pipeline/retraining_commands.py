"""Reads what a person typed after /collect, and after /train where a market is named."""

import re
from datetime import date
from typing import TypeVar

from pipeline.command_words import KnownWords
from pipeline.commands import words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.exchange import (
    LEAST_DAYS,
    MOST_DAYS,
    CollectRequest,
    RetrainRequest,
    market_named,
)

T = TypeVar("T", CollectRequest, RetrainRequest)
EXAMPLES = ("/train BTC/USDT days=30", "/collect BTC/USDT days=30")
_DEFAULT_DAYS = 30
_OPTION = re.compile(r"-*(\w+)=(.*)")


def names_market(text: str) -> bool:
    """Tell whether a command's words name a market of an exchange, like BTC/USDT."""
    return any("/" in word and "=" not in word for word in words_in(text))


def parse_collect(text: str, known: KnownWords, today: date) -> CollectRequest:
    """Return the collection that `text` asks for; see `parse_retraining`."""
    del known, today
    return _parse(text, CollectRequest, "/collect")


def parse_retraining(text: str, known: KnownWords | None, today: date | None) -> RetrainRequest:
    """Return the retraining that `text` asks for: a market, and maybe days=30.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    del known, today
    return _parse(text, RetrainRequest, "/train")


def _parse(text: str, kind: type[T], command: str) -> T:
    symbol, days = "", _DEFAULT_DAYS
    for word in words_in(text):
        option = _OPTION.fullmatch(word)
        if option is not None:
            days = _days(option[1], option[2], command, symbol)
        elif symbol:
            raise BadRequestError(
                f"One market at a time: {symbol}, or {word}?", field="symbol", value=word,
                corrected=f"{command} {symbol} days={days}",
            )  # fmt: skip
        else:
            symbol = _symbol(word, command)
    if not symbol:
        raise BadRequestError(
            "Which market? Write it like BTC/USDT.", field="symbol", closest=("BTC/USDT",),
            corrected=f"{command} BTC/USDT days={days}",
        )  # fmt: skip
    return kind(symbol=symbol, days=days)


def _symbol(word: str, command: str) -> str:
    try:
        return market_named(word)
    except BadRequestError as error:
        error.corrected = f"{command} {error.closest[0]}"
        raise


def _days(name: str, value: str, command: str, symbol: str) -> int:
    right = f"{command} {symbol or 'BTC/USDT'} days={_DEFAULT_DAYS}"
    if name.lower() != "days":
        raise BadRequestError(
            f"{command} takes a market and days=…, not {name}.", field="option", value=name,
            closest=("days",), corrected=right,
        )  # fmt: skip
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0  # noqa: PLR2004
    if not LEAST_DAYS <= number <= MOST_DAYS:
        raise BadRequestError(
            f"days={value}: it takes a whole number from {LEAST_DAYS} to {MOST_DAYS}.",
            field="days", value=value, closest=(f"days={_DEFAULT_DAYS}",), corrected=right,
        )  # fmt: skip
    return number
