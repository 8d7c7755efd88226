"""Reads what a person typed after /sweep, /walkforward and /batch: words in any order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.command_words import COMMAND, Draft, KnownWords
from pipeline.commands import parse_backtest, read_word, refuse_word, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.research import (
    BatchRequest,
    Criterion,
    GridRequest,
    Parameter,
    Period,
    SweepRequest,
    WalkForwardRequest,
)

S = TypeVar("S", bound=GridRequest)
MOST_TESTS = 500
"""Tests of one batch: each is a whole backtest."""
_AS_PARAMETER = {"rr_target": "rr", "rr": "rr"}
_OPTIONS = set(BacktestOptions.model_fields) | {"slip"}
_OWN = {"by": "by", "min_trades": "min_trades", "in": "inside", "out": "outside"}
_DAYS = re.compile(r"(\d{1,4})(d|w|mo|m|y)?", re.IGNORECASE)
_DAYS_IN = {"d": 1, "w": 7, "mo": 30, "m": 30, "y": 365}
_SPLITS = {"month": 1, "quarter": 3, "year": 12}
EXAMPLE = "min_gap_atr=0.05..0.3/0.05"


def parse_sweep(text: str, known: KnownWords, today: date) -> SweepRequest:
    """Return the sweep that `text` asks for; its parameters are looked up when it is launched.

    Parameters and errors as in `parse_backtest`; `name=values` are the parameters, `by=` and
    `min_trades=` say how variants are compared.
    """
    return _parsed(text, "/sweep", SweepRequest, (known, today))


def parse_walkforward(text: str, known: KnownWords, today: date) -> WalkForwardRequest:
    """Return the walk-forward that `text` asks for; `in=120d` and `out=30d` are its windows."""
    return _parsed(text, "/walkforward", WalkForwardRequest, (known, today))


@dataclass
class _Sorted:
    """The words of a command by what they are."""

    rest: list[str] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)


def _parsed(text: str, command: str, kind: type[S], around: tuple[KnownWords, date]) -> S:
    found = _sorted(text, kind)
    try:
        plain = parse_backtest(" ".join(found.rest), *around)
        _some_parameters(found)
    except BadRequestError as error:
        if error.corrected:
            begun = error.corrected.replace(COMMAND, command, 1)
            error.corrected = " ".join([begun, *found.typed])
        raise
    own = {key: _own_value(key, value) for key, value in found.own.items()}
    return kind(
        symbol=plain.symbol, timeframe=plain.timeframe, start=plain.start, end=plain.end,
        setup_id=plain.setup_id, parameters=tuple(found.parameters), options=plain.options, **own,
    )  # fmt: skip


def _some_parameters(found: _Sorted) -> None:
    if not found.parameters:
        raise BadRequestError(
            f"Which parameters, with which values? For example {EXAMPLE}.",
            field="parameter", closest=(EXAMPLE,),
            corrected=f"{COMMAND} {' '.join(found.rest)} {EXAMPLE}",
        )  # fmt: skip


def _sorted(text: str, kind: type[GridRequest]) -> _Sorted:
    found = _Sorted()
    for word in words_in(_tight(text)):
        name, pair, value = word.lstrip("-").partition("=")
        key = name.lower().replace("-", "_")
        own = _OWN.get(key)
        if not pair or (key in _OPTIONS and key not in _AS_PARAMETER):
            _refuse_option(key)
            found.rest.append(word)
            continue
        found.typed.append(word)
        if own is not None and own in kind.model_fields:
            found.own[own] = value
        elif not value or not name:
            raise BadRequestError(
                f"{word!r}: a parameter is NAME=VALUES, as {EXAMPLE}.",
                field="parameter", value=word, closest=(EXAMPLE,),
            )  # fmt: skip
        else:
            parameter = Parameter(name=_AS_PARAMETER.get(key, key)[:80], values=value[:400])
            found.parameters.append(parameter)
    return found


def _tight(text: str) -> str:
    """Close up what people write apart: `a | b`, `0.1..0.5 / 0.1`."""
    return re.sub(r"\s+/\s*(?=\d)", "/", re.sub(r"\s*\|\s*", "|", text))


def _refuse_option(key: str) -> None:
    whys = {
        "max_trades": "stops a test in its middle, and variants could not be compared",
        "dry_run": "is for single tests",
        "analyze_with_llm": "is for single tests",
    }
    if key in whys:
        raise BadRequestError(f"{key} {whys[key]}: leave it out.", field=key, value=key)


def _own_value(key: str, value: str) -> Any:
    if key == "by":
        known = {c.value: c for c in Criterion} | {"mean": Criterion.EXPECTANCY}
        if value.lower() in known:
            return known[value.lower()]
        raise BadRequestError(
            f"by={value}: variants are compared by t (mean R over its error), expectancy, total.",
            field="by", value=value, closest=tuple(f"by={c.value}" for c in Criterion),
        )  # fmt: skip
    if key == "min_trades":
        if value.isdigit() and int(value) > 1:
            return int(value)
        raise BadRequestError(
            f"min_trades={value}: it takes a whole number, 2 or more.",
            field="min_trades", value=value, closest=("min_trades=20",),
        )  # fmt: skip
    length = _DAYS.fullmatch(value)
    if length is None or int(length[1]) == 0:
        word = {"inside": "in", "outside": "out"}[key]
        raise BadRequestError(
            f"{word}={value}: a length is like 120d, 8w or 4mo.",
            field=word, value=value, closest=(f"{word}=120d",),
        )  # fmt: skip
    return int(length[1]) * _DAYS_IN[(length[2] or "d").lower()]


def parse_batch(text: str, known: KnownWords, today: date) -> BatchRequest:
    """Return the batch that `text` asks for.

    Setups, symbols, timeframes and periods may each be several; no setup or symbol means all
    that are there. `by=month|quarter|year` cuts each period into parts.
    """
    words = _batch_words(text)
    setups: list[str] = []
    symbols: list[str] = []
    timeframes: list[Timeframe] = []
    periods: list[Period] = []
    rest, split = Draft(), ""
    for word in words:
        alone = Draft()
        if word.lower().startswith("by="):
            split = _split_word(word)
            continue
        _refuse_option(word.lstrip("-").partition("=")[0].lower())
        if not read_word(word, alone, today, known):
            refuse_word(word, Draft(), known)
        setups += [alone.setup.setup_id] if alone.setup else []
        symbols += [alone.symbol] if alone.symbol else []
        timeframes += [alone.timeframe] if alone.timeframe else []
        periods += [Period(start=alone.period[0], end=alone.period[1])] if alone.period else []
        rest.options |= alone.options
    return _whole_batch(
        (setups, symbols, timeframes, _cut(periods, split)), rest.options, known, today
    )


def _whole_batch(
    lists: tuple[list[str], list[str], list[Timeframe], list[Period]],
    options: dict[str, Any],
    known: KnownWords,
    today: date,
) -> BatchRequest:
    setups, symbols = list(dict.fromkeys(lists[0])), list(dict.fromkeys(lists[1]))
    timeframes, periods = list(dict.fromkeys(lists[2])), list(dict.fromkeys(lists[3]))
    setups = setups or [s.setup_id for s in known.setups]
    symbols = symbols or list(known.held) or list(known.symbols)
    if not periods:
        choices = known.periods(symbols[0], today)
        raise BadRequestError(
            "Which periods? For example 2024 2025, or 2025 by=quarter.",
            field="period", closest=tuple(choices),
            corrected=f"/batch {' '.join([*setups, *symbols])} {choices[0]}",
        )  # fmt: skip
    tests = len(setups) * len(symbols) * max(len(timeframes), 1) * len(periods)
    if tests > MOST_TESTS:
        raise BadRequestError(
            f"{tests:,} tests; a batch makes at most {MOST_TESTS}. Name fewer setups, symbols or "
            "periods.",
            field="text", value=str(tests),
        )  # fmt: skip
    try:
        return BatchRequest(
            setups=tuple(setups), symbols=tuple(symbols), timeframes=tuple(timeframes),
            periods=tuple(periods), options=BacktestOptions(**options),
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequestError(str(first["msg"]), field=str(first["loc"][-1])) from None


def _batch_words(text: str) -> list[str]:
    """Return the words; lists may be written with commas between."""
    found = []
    for word in words_in(text):
        found += [word] if "=" in word else [part for part in word.split(",") if part]
    return [word for word in found if word.lower() != "all"]


def _split_word(word: str) -> str:
    value = word.partition("=")[2].lower().rstrip("s")
    if value not in _SPLITS:
        raise BadRequestError(
            f"{word}: periods are cut by month, quarter or year.",
            field="by", value=word, closest=tuple(f"by={s}" for s in _SPLITS),
        )  # fmt: skip
    return value


def _cut(periods: Sequence[Period], split: str) -> list[Period]:
    """Cut each period at the starts of months, quarters or years; the ends stay as they are."""
    if not split:
        return list(periods)
    months, found = _SPLITS[split], []
    for period in periods:
        start = period.start
        while start <= period.end:
            count = start.year * 12 + (start.month - 1) // months * months + months
            behind = date(count // 12, count % 12 + 1, 1)
            found.append(Period(start=start, end=min(behind - timedelta(days=1), period.end)))
            start = behind
    return found
