"""Reads what a person typed after /label: a setup or `all`, symbol, timeframe, period."""

from dataclasses import replace
from datetime import date

from pipeline.command_words import COMMAND, KnownSetup, KnownWords, timeframe_of
from pipeline.commands import parse_backtest, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.training import ALL_SETUPS, LabelRequest

EXAMPLE = "/label all EURUSD 2024"


def parse_label(text: str, known: KnownWords, today: date) -> LabelRequest:
    """Return the labelling that `text` asks for, words in any order as after /backtest.

    Options are refused: labels are made with the costs and fills that live signals are followed
    with, or the two would not say the same.

    Raises
    ------
    BadRequestError
        Naming the field, the value, the closest valid values and a corrected command.
    """
    words = words_in(text)
    try:
        plain = parse_backtest(" ".join(words), replace(known, setups=_with_all(known)), today)
    except BadRequestError as error:
        error.corrected = error.corrected.replace(COMMAND, "/label", 1)
        raise
    if plain.options != BacktestOptions():
        changed = plain.options.model_dump(exclude_defaults=True)
        name = next(iter(changed))
        raise BadRequestError(
            f"/label takes no options, so no {name}: labels need the costs and fills that live "
            "signals are followed with.",
            field="option", value=f"{name}={changed[name]}",
            corrected=" ".join(["/label", *(w for w in words if not _option(w, name))]),
        )  # fmt: skip
    every = plain.setup_id == ALL_SETUPS
    named = any(timeframe_of(word) for word in words)
    return LabelRequest(
        setup_id=plain.setup_id, symbol=plain.symbol, start=plain.start, end=plain.end,
        timeframe=None if every and not named else plain.timeframe,
    )  # fmt: skip


def _option(word: str, name: str) -> bool:
    return "=" in word or word.lstrip("-").lower().replace("-", "_") == name


def _with_all(known: KnownWords) -> tuple[KnownSetup, ...]:
    """Return the known setups, and behind them all of them as one."""
    if not known.setups:
        return ()
    timeframes = {t for setup in known.setups for t in setup.timeframes}
    ordered = tuple(t for t in Timeframe if t in timeframes)
    symbols = tuple(dict.fromkeys(s for setup in known.setups for s in setup.symbols))
    every = KnownSetup(ALL_SETUPS, known.setups[0].timeframe, ordered, symbols)
    return (*known.setups, every)
