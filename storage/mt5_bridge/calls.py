"""The calls that the bridge carries: their arguments, checked, and their results, as bytes.

Questions are JSON, answers JSON or packed bars. Strings from the wire are data for the terminal,
never names or code of ours: a call is found in the table below or refused.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from storage.mt5_terminal import (
    BAD_PARAMETERS,
    RATES,
    AccountFacts,
    Deal,
    OrderAnswer,
    OrderRequest,
    Position,
    SymbolFacts,
    SymbolName,
    TerminalFacts,
    TerminalLostError,
    TerminalRefusedError,
    Tick,
    WorkingOrder,
)

MOST_BARS = 100_000
_LONGEST_SYMBOL, _LONGEST_COMMENT = 64, 31
_PLAIN = re.compile(r"[\x20-\x7e]*")
_WIDE = 1 << 62


class BadQuestionError(Exception):
    """A question that names no call of ours, or arguments that it can't have."""


Check = Callable[[object], Any]


@dataclass(frozen=True)
class Call:
    """One call: checks of its arguments in order, and the kind of its result.

    `kind` is a record's class, RATES' dtype, or None for nothing; `many`: a tuple of records.
    """

    arguments: Mapping[str, Check]
    kind: Any = None
    many: bool = False
    acts: bool = False


def _symbol(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_SYMBOL:
        raise BadQuestionError(f"a symbol has 1 to {_LONGEST_SYMBOL} characters")
    if not value.isprintable():
        raise BadQuestionError("a symbol has no control characters")
    return value


def _whole(low: int, high: int) -> Check:
    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise BadQuestionError(f"a whole number from {low} to {high} is expected")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: object) -> float:
        if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
            raise BadQuestionError(f"a number from {low:g} to {high:g} is expected")
        return float(value)  # type: ignore[arg-type]

    return check


def _comment(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_COMMENT or not _PLAIN.fullmatch(value):
        raise BadQuestionError(f"a comment has up to {_LONGEST_COMMENT} plain characters")
    return value


_ORDER: dict[str, Check] = {
    "action": _whole(1, 5),
    "symbol": _symbol,
    "volume": _number(0, 1e6),
    "type": _whole(0, 3),
    "price": _number(0, 1e9),
    "sl": _number(0, 1e9),
    "tp": _number(0, 1e9),
    "deviation": _whole(0, 1_000_000),
    "type_filling": _whole(0, 3),
    "type_time": _whole(0, 3),
    "expiration": _whole(0, _WIDE),
    "magic": _whole(0, _WIDE),
    "comment": _comment,
}


def _order(value: object) -> OrderRequest:
    return OrderRequest(**_checked(value, _ORDER))


_TIMES = {"first": _whole(0, _WIDE), "last": _whole(0, _WIDE)}
_MAGIC = {"magic": _whole(0, _WIDE)}
_SYMBOL = {"symbol": _symbol}

CALLS: dict[str, Call] = {
    "symbols": Call({}, SymbolName, many=True),
    "symbol_select": Call(_SYMBOL),
    "symbol_info": Call(_SYMBOL, SymbolFacts),
    "symbol_info_tick": Call(_SYMBOL, Tick),
    "copy_rates_from_pos": Call(
        {
            "symbol": _symbol,
            "timeframe": _whole(1, 49_153),
            "start": _whole(0, _WIDE),
            "count": _whole(1, MOST_BARS),
        },
        RATES,
    ),
    "order_check": Call({"request": _order}, OrderAnswer),
    "order_send": Call({"request": _order}, OrderAnswer, acts=True),
    "positions_get": Call(_MAGIC, Position, many=True),
    "orders_get": Call(_MAGIC, WorkingOrder, many=True),
    "history_orders_get": Call({**_TIMES, **_MAGIC}, WorkingOrder, many=True),
    "history_deals_get": Call({**_TIMES, **_MAGIC}, Deal, many=True),
    "position_deals": Call({"position": _whole(0, _WIDE)}, Deal, many=True),
    "terminal_info": Call({}, TerminalFacts),
    "account_info": Call({}, AccountFacts),
}


def ask(name: str, arguments: Mapping[str, Any]) -> bytes:
    """Return the question that asks for a call."""
    plain = {k: asdict(v) if is_dataclass(v) else v for k, v in arguments.items()}  # type: ignore[arg-type]
    return json.dumps({"call": name, "arguments": plain}, allow_nan=False).encode()


def understand(question: bytes) -> tuple[str, dict[str, Any]]:
    """Return the call and its checked arguments; BadQuestionError for anything else."""
    try:
        words = json.loads(question, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadQuestionError("JSON is expected") from error
    if not isinstance(words, dict) or set(words) != {"call", "arguments"}:
        raise BadQuestionError("a call and its arguments are expected")
    name = words["call"]
    if not isinstance(name, str) or name not in CALLS:
        raise BadQuestionError("there is no such call")
    return name, _checked(words["arguments"], CALLS[name].arguments)


def _checked(value: object, checks: Mapping[str, Check]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(checks):
        raise BadQuestionError(f"exactly these are expected: {', '.join(checks) or 'none'}")
    return {name: check(value[name]) for name, check in checks.items()}


def _refuse(word: str) -> float:
    raise BadQuestionError(f"{word} is no number")


def say(call: Call, result: Any) -> bytes:
    """Return the answer that carries a result."""
    if call.kind is RATES:
        return b"R" + np.ascontiguousarray(result, dtype=RATES).tobytes()
    if call.many:
        return _json(b"J", [asdict(each) for each in result])
    return _json(b"J", None if result is None else asdict(result))


def say_no(error: Exception) -> bytes:
    """Return the answer that carries a refusal or a loss."""
    if isinstance(error, TerminalRefusedError):
        return _json(b"N", {"code": error.code, "text": error.text})
    if isinstance(error, TerminalLostError):
        return _json(b"L", {"text": error.text, "maybe_done": error.maybe_done})
    return _json(b"N", {"code": BAD_PARAMETERS, "text": str(error)})


def _json(tag: bytes, words: Any) -> bytes:
    return tag + json.dumps(_finite(words), allow_nan=False).encode()


def _finite(words: Any) -> Any:
    """Put 0 for what is no number: MetaTrader's way to say "not set"."""
    if isinstance(words, list):
        return [_finite(each) for each in words]
    if isinstance(words, dict):
        return {k: _finite(v) for k, v in words.items()}
    return 0.0 if isinstance(words, float) and not math.isfinite(words) else words


def hear(name: str, answer: bytes) -> Any:
    """Return the result that an answer carries, or raise what it carries."""
    call, tag, body = CALLS[name], answer[:1], answer[1:]
    if tag == b"R" and call.kind is RATES:
        return np.frombuffer(body, dtype=RATES)
    words = json.loads(body)
    if tag == b"N":
        raise TerminalRefusedError(name, int(words["code"]), str(words["text"]))
    if tag == b"L":
        raise TerminalLostError(str(words["text"]), maybe_done=bool(words["maybe_done"]))
    if call.many:
        return tuple(_record(call.kind, each) for each in words)
    return None if words is None else _record(call.kind, words)


def _record(kind: Any, words: Mapping[str, Any]) -> Any:
    return kind(**{f.name: words[f.name] for f in fields(kind)})
