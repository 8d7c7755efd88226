"""Reads what a person typed after /backtest: words in any order, known by what they are."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from pydantic import ValidationError

from pipeline.command_words import (
    Draft,
    KnownSetup,
    KnownWords,
    closest_words,
    normalise,
    timeframe_of,
)
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions, BacktestRequest
from pipeline.domain.trade import FillMode
from pipeline.periods import looks_like_period, parse_period

TIMEFRAME = re.compile(r"(?:[mhdw]\d{1,3}|\d{1,3}(?:m|min|h|d|w))", re.IGNORECASE)
_FLAGS = {"dry_run", "parallel", "analyze_with_llm"}
_ALIASES = {
    "rr": "rr_target",
    "dryrun": "dry_run",
    "dry": "dry_run",
    "llm": "analyze_with_llm",
    "slip": "slippage",
}
_COSTS = ("spread", "slippage", "commission", "swap")
_FREE = {"off", "none", "no"}
_TRUE, _FALSE = {"1", "true", "yes", "on", "y"}, {"0", "false", "no", "off", "n"}


def parse_backtest(text: str, known: KnownWords, today: date) -> BacktestRequest:
    """Return the request that `text` asks for.

    Parameters
    ----------
    text
        With or without the command in front; arguments in any order.
    known
        The valid words.
    today
        What "last 90d" counts back from.

    Raises
    ------
    BadRequestError
        Naming the field, the value, the closest valid values and a corrected command.
    """
    words = words_in(text)
    draft = Draft()
    unread, refusal = [], None
    for word in words:
        try:
            if not read_word(word, draft, today, known):
                unread.append(word)
        except BadRequestError as error:
            refusal = refusal or error
    if refusal is not None:
        raise _with_the_rest(refusal, draft, known, today)
    for word in unread:
        refuse_word(word, draft, known)
    return _complete(draft, known, today)


def _with_the_rest(
    error: BadRequestError, draft: Draft, known: KnownWords, today: date
) -> BadRequestError:
    """Return the refusal with a corrected command that keeps all other words of the command."""
    if error.field == "period" and error.closest[0] != draft.words.get("period"):
        error.closest = known.periods(draft.symbol, today)
    kind = (
        error.field if error.field in ("setup_id", "symbol", "timeframe", "period") else "option"
    )
    error.corrected = draft.command(**{kind: error.closest[0]})
    return error


def words_in(text: str) -> list[str]:
    """Return the words of a command behind its slash word, with ranges and pairs closed up."""
    plain = re.sub(r"^/\w+(@\w+)?", "", normalise(text)).strip()
    plain = re.sub(r"\s*(?:\.{2,}|\bto\b)\s*(?=\d)", "..", plain)
    plain = re.sub(r"\blast\s+(\d+)\s*([a-z]*)", r"last\1\2", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\s*=\s*", "=", plain)
    return plain.split()


def read_word(word: str, draft: Draft, today: date, known: KnownWords) -> bool:
    """Put one word where it belongs; False if it is nothing we know."""
    bare = word.lstrip("-")
    if "=" in bare:
        _option(*_pair(bare), draft)
    elif _ALIASES.get(bare.lower(), bare.lower()) in _FLAGS:
        _option(bare, "true", draft)
    elif (setup := known.setup(word)) is not None:
        _once(draft, "setup_id", "setup", setup, setup.setup_id)
    elif (symbol := known.symbol(word)) is not None:
        _once(draft, "symbol", "symbol", symbol, symbol)
    elif (timeframe := timeframe_of(word)) is not None:
        _once(draft, "timeframe", "timeframe", timeframe, timeframe.value)
    elif looks_like_period(word):
        _once(draft, "period", "period", _period(word, today, known), word)
    else:
        return False
    return True


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name or "option", value


def _once(draft: Draft, name: str, attribute: str, value: Any, word: str) -> None:
    held = getattr(draft, attribute)
    if held is not None and held != value:
        first = draft.words[name]
        raise BadRequestError(
            f"Two values for {_title(name)}: {first} and {word}. Which one?",
            field=name,
            value=word,
            closest=(first, word),
        )
    setattr(draft, attribute, value)
    draft.words[name] = word


def _title(name: str) -> str:
    return {"setup_id": "setup"}.get(name, name)


def _period(word: str, today: date, known: KnownWords) -> tuple[date, date]:
    try:
        return parse_period(word, today)
    except ValueError as error:
        choices = known.periods(None, today)
        raise BadRequestError(
            f"Period {word!r}: {error}.", field="period", value=word, closest=choices
        ) from None


def _option(name: str, value: str, draft: Draft) -> None:
    key = name.lower().replace("-", "_")
    key = _ALIASES.get(key, key)
    names = tuple(BacktestOptions.model_fields)
    if key not in names:
        near = closest_words(key, (*names, *_ALIASES)) or names
        fixed = tuple(dict.fromkeys(_ALIASES.get(n, n) for n in near))
        raise BadRequestError(
            f"Unknown option {name!r}: valid are {', '.join(names)}.",
            field=name,
            value=value,
            closest=tuple(f"{n}={value}" for n in fixed),
        )
    draft.options[key] = _option_value(key, value)
    draft.words[f"option {key}"] = f"{key}={value}"
    if {"lots", "risk"} <= draft.options.keys():
        raise BadRequestError(
            "lots= and risk= both say how large a position is. Which one?",
            field=key,
            value=value,
            closest=tuple(draft.words[f"option {name}"] for name in ("lots", "risk")),
        )


def _option_value(key: str, value: str) -> Any:
    lowered = value.lower()
    if key in _FLAGS and lowered in _TRUE | _FALSE:
        return lowered in _TRUE
    raw: Any = lowered.replace(",", ".") if key not in _FLAGS else value
    if key in _COSTS and lowered in _FREE:
        raw = 0.0
    try:
        return getattr(BacktestOptions.model_validate({key: raw}), key)
    except ValidationError as error:
        closest = _option_choices(key)
        raise BadRequestError(
            f"Option {key}={value}: {_kind_message(error)}.",
            field=key,
            value=value,
            closest=tuple(f"{key}={c}" for c in closest),
        ) from None


def _kind_message(error: ValidationError) -> str:
    """Return what pydantic found wrong, in words of people."""
    first = error.errors()[0]
    if "bool" in first["type"]:
        return "say true or false"
    if "parsing" in first["type"] or "type" in first["type"]:
        return "it takes a whole number" if "int" in first["type"] else "it takes a number"
    return first["msg"].lower().replace("input should be", "it must be")


def _option_choices(key: str) -> tuple[str, ...]:
    if key == "fill":
        return tuple(m.value for m in FillMode)
    if key in _FLAGS:
        return ("true", "false")
    if key in _COSTS:
        return ("0.5", "off")
    usual = {"rr_target": ("2", "1.5", "3"), "max_trades": ("100",), "risk": ("100",)}
    return usual.get(key, ("1",))


def refuse_word(word: str, draft: Draft, known: KnownWords) -> None:
    """Raise for a word that is nothing we know, as the field it most likely was meant to be."""
    setups = tuple(s.setup_id for s in known.setups)
    symbols = (*known.symbols, *known.aliases)
    if TIMEFRAME.fullmatch(word):
        valid = draft.setup.timeframes if draft.setup else tuple(Timeframe)
        raise _unknown("timeframe", word, nearest_length(word, valid), draft)
    near_setups, near_symbols = closest_words(word, setups), closest_words(word, symbols)
    meant_symbol = near_symbols and (not near_setups or draft.setup is not None)
    if draft.symbol is None and (meant_symbol or (draft.setup and not near_setups)):
        named = [known.symbol(s) or s for s in near_symbols] or list(known.symbols)
        raise _unknown("symbol", word, tuple(dict.fromkeys(named)), draft)
    if draft.setup is None:
        raise _unknown("setup_id", word, near_setups or setups, draft)
    raise BadRequestError(
        f"{word!r} is no setup, symbol, timeframe, period or option I know.",
        field="text",
        value=word,
        corrected=draft.command(),
    )


def nearest_length(word: str, valid: Sequence[Timeframe]) -> tuple[str, ...]:
    """Valid timeframes by how near their length is to the one meant, as a ratio."""
    unit = {"m": 1, "h": 60, "d": 1440, "w": 10080}[word.lower().strip("0123456789")[0]]
    minutes = max(1, unit * int("".join(c for c in word if c.isdigit())))
    ranked = sorted(valid, key=lambda t: max(t.minutes / minutes, minutes / t.minutes))
    return tuple(t.value for t in ranked)


def _unknown(name: str, word: str, closest: tuple[str, ...], draft: Draft) -> BadRequestError:
    hint = f": did you mean {closest[0]}?" if closest else "."
    return BadRequestError(
        f"unknown {_title(name)} {word!r}{hint}",
        field=name,
        value=word,
        closest=closest,
        corrected=draft.command(**{name: closest[0]} if closest else {}),
    )


def _complete(draft: Draft, known: KnownWords, today: date) -> BacktestRequest:
    """Ask for what is missing, one thing at a time; take the setup's timeframe by default."""
    setup = draft.setup or _missing("setup_id", [s.setup_id for s in known.setups], draft)
    symbols = [s for s in setup.symbols if s in known.symbols] or list(known.symbols)
    symbol = draft.symbol or _missing("symbol", symbols, draft)
    timeframe = draft.timeframe or setup.timeframe
    if timeframe not in setup.timeframes:
        valid = tuple(t.value for t in setup.timeframes)
        raise BadRequestError(
            f"{setup.setup_id} triggers on {', '.join(valid)}, not on {timeframe.value}.",
            field="timeframe",
            value=timeframe.value,
            closest=valid,
            corrected=draft.command(timeframe=valid[0]),
        )
    period = draft.period or _missing("period", known.periods(symbol, today), draft)
    return BacktestRequest(
        symbol=symbol,
        timeframe=timeframe,
        start=period[0],
        end=period[1],
        setup_id=setup.setup_id,
        options=BacktestOptions(**draft.options),
    )


_QUESTIONS: dict[str, Callable[[], str]] = {
    "setup_id": lambda: "Which setup?",
    "symbol": lambda: "Which symbol?",
    "period": lambda: "Which period? For example 2025-05, 2025-05-01..2025-10-31 or last 90d.",
}


def _missing(name: str, choices: Sequence[str], draft: Draft) -> Any:
    corrected = draft.command(**{name: choices[0]}) if choices else draft.command()
    raise BadRequestError(
        _QUESTIONS[name](), field=name, closest=tuple(choices), corrected=corrected
    )


__all__ = [
    "TIMEFRAME", "KnownSetup", "KnownWords", "nearest_length", "normalise", "parse_backtest",
    "read_word", "refuse_word", "words_in",
]  # fmt: skip
