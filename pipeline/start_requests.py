"""Reads START's request as JSON: the contract's fields to the request of a kind of run."""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.command_words import KnownWords, closest_words, timeframe_of
from pipeline.domain.analyze import AnalyzeOptions, AnalyzeRequest
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.replay import AS_FAST_AS_CAN_BE, ReplayRequest
from pipeline.domain.request import BacktestOptions, BacktestRequest
from pipeline.domain.training import ALL_SETUPS, LabelRequest, TrainRequest
from pipeline.train_requests import known_setup, known_symbol, parse_train_json

START_MODES = ("backtest", "live", "train", "label", "analyze")
FIELDS = ("mode", "symbol", "timeframe", "start", "end", "setup_id", "options", "extra")
StartRequest = BacktestRequest | ReplayRequest | TrainRequest | LabelRequest | AnalyzeRequest
_LIVE_OPTIONS = ("speed", "min_confidence")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST = 200  # characters of a wrong value that are repeated
M = TypeVar("M", bound=BaseModel)


def start_request(raw: Mapping[str, Any], known: KnownWords) -> StartRequest:
    """Return the request that START's JSON asks for.

    Parameters
    ----------
    raw
        `{"mode": "backtest", "symbol": …, "timeframe": …, "start": …, "end": …, "setup_id": …,
        "options": {…}, "extra": {…}}`. `live` plays held days as if live (a replay), `train` also
        takes the fields of a training, `label` needs no timeframe if `setup_id` is "all".
        `analyze` looks at now: it takes a symbol, maybe a timeframe and options; a period and a
        setup, which the shape has for all modes, are checked and left out.
    known
        The valid words; symbols and setups are known under all their names.

    Raises
    ------
    BadRequestError
        Naming the field, the value and the closest valid values.
    """
    mode = raw.get("mode")
    if mode not in START_MODES:
        _refuse("mode", mode, START_MODES, near=str(mode))
    try:
        if mode == "train":
            return parse_train_json(json.dumps(dict(raw)), known)
        return _read(str(mode), raw, known)
    except BadRequestError as error:
        error.corrected = ""  # a command's words, and this was no command
        raise


def _read(mode: str, raw: Mapping[str, Any], known: KnownWords) -> StartRequest:
    for name in raw:
        if name not in FIELDS:
            _refuse(name, raw[name], FIELDS, near=name, what="field")
    if mode == "analyze":
        return _analyze(raw, known)
    fields: dict[str, Any] = {
        "symbol": known_symbol(_word(raw, "symbol", known.symbols), known),
        "start": _day(raw, "start"),
        "end": _day(raw, "end"),
        "options": _object(raw, "options"),
        "extra": _object(raw, "extra"),
    }
    if fields["start"] > fields["end"]:
        _refuse("start", raw["start"], (str(raw["end"]),), what="start after the end,")
    kinds = {"backtest": _backtest, "live": _replay, "label": _label}
    return kinds[mode](fields, raw, known)


def _backtest(fields: dict[str, Any], raw: Mapping[str, Any], known: KnownWords) -> StartRequest:
    version = fields["extra"].get("rule_version")
    if version is not None and not isinstance(version, str):
        _refuse("extra.rule_version", version, ("1.0",))
    setup = known_setup(_word(raw, "setup_id", _setups(known)), known)
    whole = {**fields, "timeframe": _timeframe(raw), "setup_id": setup}
    return _validated(BacktestRequest, whole, tuple(BacktestOptions.model_fields))


def _replay(fields: dict[str, Any], raw: Mapping[str, Any], known: KnownWords) -> StartRequest:
    options, extra = fields.pop("options"), fields.pop("extra")
    if extra:
        _refuse("extra", extra, ("{}",))
    for name in options:
        if name not in _LIVE_OPTIONS:
            _refuse(f"options.{name}", options[name], _LIVE_OPTIONS, near=name, what="option")
    setup = raw.get("setup_id")
    symbol = fields.pop("symbol")
    whole = {"speed": AS_FAST_AS_CAN_BE, **fields, **options, "symbols": (symbol,)}
    if setup is not None:
        whole["setups"] = (known_setup(_word(raw, "setup_id", _setups(known)), known),)
    if raw.get("timeframe") is not None:
        whole["timeframes"] = (_timeframe(raw),)
    return _validated(ReplayRequest, whole, _LIVE_OPTIONS)


def _label(fields: dict[str, Any], raw: Mapping[str, Any], known: KnownWords) -> StartRequest:
    for name in ("options", "extra"):
        if fields.pop(name):
            _refuse(name, raw[name], ("{}",))
    setup = _word(raw, "setup_id", (ALL_SETUPS, *_setups(known)))
    every = setup.lower() == ALL_SETUPS
    named = raw.get("timeframe") is not None or not every
    whole = {
        **fields,
        "setup_id": ALL_SETUPS if every else known_setup(setup, known),
        "timeframe": _timeframe(raw) if named else None,
    }
    return _validated(LabelRequest, whole, ())


def _analyze(raw: Mapping[str, Any], known: KnownWords) -> StartRequest:
    """Read what `analyze` takes; period and setup are checked and left out: it looks at now."""
    start, end = (raw.get(name) and _day(raw, name) for name in ("start", "end"))
    if start and end and start > end:
        _refuse("start", raw["start"], (str(raw["end"]),), what="start after the end,")
    if raw.get("setup_id"):
        known_setup(_word(raw, "setup_id", _setups(known)), known)
    if raw.get("extra"):
        _refuse("extra", raw["extra"], ("null",))
    whole = {
        "symbol": known_symbol(_word(raw, "symbol", known.symbols), known),
        "timeframe": _timeframe(raw) if raw.get("timeframe") is not None else None,
        "options": _object(raw, "options"),
    }
    return _validated(AnalyzeRequest, whole, tuple(AnalyzeOptions.model_fields))


def _validated(kind: type[M], fields: dict[str, Any], names: tuple[str, ...]) -> M:
    """Return the model, or refuse the first thing that is wrong with it."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "request"
        last = str(first["loc"][-1]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            _refuse(place, first["input"], names, near=last, what="option")
        raise BadRequestError(
            f"{place}: {first['msg']}.", field=place, value=_shown(first["input"])
        ) from error


def _word(raw: Mapping[str, Any], name: str, valid: tuple[str, ...]) -> str:
    word = raw.get(name)
    if not isinstance(word, str) or not word.strip():
        _refuse(name, word, valid[:5])
    return word.strip()[:_LONGEST]


def _timeframe(raw: Mapping[str, Any]) -> Timeframe:
    word = raw.get("timeframe")
    found = timeframe_of(word) if isinstance(word, str) else None
    if found is None:
        _refuse("timeframe", word, tuple(t.value for t in Timeframe), near=str(word))
    return found


def _day(raw: Mapping[str, Any], name: str) -> date:
    word = raw.get(name)
    if not isinstance(word, str) or not _DAY.fullmatch(word):
        _refuse(name, word, ("2025-05-01",))
    try:
        return date.fromisoformat(word)
    except ValueError:
        _refuse(name, word, ("2025-05-01",))


def _object(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(name, value, ("{}",))
    return value


def _setups(known: KnownWords) -> tuple[str, ...]:
    return tuple(setup.setup_id for setup in known.setups)


def _refuse(
    field: str, value: Any, valid: tuple[str, ...], *, near: str = "", what: str = ""
) -> NoReturn:
    """Refuse a value with the valid ones, nearest first."""
    closest = tuple(dict.fromkeys((*closest_words(near, valid), *valid))) if near else valid
    shown = _shown(value)
    unknown = "is missing" if value is None else f"can't be {shown!r}"
    text = f"unknown {what} {field!r}" if what in ("field", "option") else f"{field} {unknown}"
    hint = f": valid are {', '.join(valid)}." if valid else "."
    raise BadRequestError(
        f"{text}{hint}", field=field, value=None if value is None else shown, closest=closest
    )


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_LONGEST]
