"""What a TradingView alert asks of START: a command, a request, or how a setup has done lately."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from pipeline.command_words import KnownSetup, KnownWords, timeframe_of
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.start_requests import START_MODES

DAYS: Final = 30
_MOST_DAYS: Final = 3650
INTERVALS: Final = {
    "1": Timeframe.M1, "5": Timeframe.M5, "15": Timeframe.M15, "60": Timeframe.H1,
    "240": Timeframe.H4, "D": Timeframe.D1, "1D": Timeframe.D1,
}  # fmt: skip
"""`{{interval}}` as TradingView writes it."""
_WORD: Final = re.compile(r"[\w.:/!]+")
_START_FIELDS: Final = ("start", "end", "options")
Asked = str | dict[str, Any]


def asked_by_text(text: str, known: KnownWords, today: date) -> Asked:
    """Return what a plain message asks for.

    A message that begins with a slash is a command. Of any other the first symbol counts, the
    first setup, and the first timeframe (M5, 5m, or the interval right behind the symbol).
    """
    if text.lstrip().startswith("/"):
        return text.strip()
    found: dict[str, Any] = {}
    before_symbol = True
    for word in _WORD.findall(text):
        symbol, setup = symbol_of(word, known), known.setup(word)
        timeframe = timeframe_of(word)
        if symbol is not None and "symbol" not in found:
            found["symbol"] = symbol
        elif setup is not None:
            found.setdefault("setup", setup.setup_id)
        elif timeframe is not None:
            found.setdefault("interval", timeframe.value)
        elif before_symbol is False and word in INTERVALS:
            found.setdefault("interval", word)
        before_symbol = not ("symbol" in found and before_symbol)
    return asked_by_fields({"symbol": text[:80], **found}, known, today)


def asked_by_fields(fields: Mapping[str, Any], known: KnownWords, today: date) -> Asked:
    """Return what the fields of a JSON message ask for; others than these are left alone.

    `text` (or `command`): a command. `mode`: START's request, in its own words or TradingView's.
    Neither: a backtest of `setup`, or of all active setups, over the last `days`.

    Raises
    ------
    BadRequestError
        Naming the field, the value and what would be right.
    """
    for name in ("text", "command"):
        if isinstance(fields.get(name), str):
            return str(fields[name]).strip()
    symbol = _symbol(fields, known)
    timeframe = _timeframe(fields)
    setup = _setup(fields, known)
    mode = fields.get("mode")
    if mode is not None and mode not in START_MODES:
        raise BadRequestError(
            f"mode can't be {mode!r}.", field="mode", value=str(mode)[:80], closest=START_MODES
        )
    start, end = _period(fields, today)
    if mode is None and setup is None:
        return _batch(symbol, timeframe, (start, end), known)
    if timeframe is None and setup is not None and mode in (None, "backtest"):
        timeframe = setup.timeframe
    request: dict[str, Any] = {
        "mode": mode or "backtest", "symbol": symbol, "start": str(start), "end": str(end),
        "timeframe": timeframe and timeframe.value, "setup_id": setup and setup.setup_id,
        **{name: fields[name] for name in _START_FIELDS if fields.get(name) is not None},
    }  # fmt: skip
    return {name: value for name, value in request.items() if value is not None}


def symbol_of(word: str, known: KnownWords) -> str | None:
    """Return the symbol that TradingView calls so: without its exchange, contract and ending."""
    plain = word.rpartition(":")[2].rstrip("!.,")
    return known.symbol(plain) or known.symbol(plain.partition(".")[0])


def _symbol(fields: Mapping[str, Any], known: KnownWords) -> str:
    word = fields.get("symbol") or fields.get("ticker")
    found = symbol_of(word, known) if isinstance(word, str) else None
    if found is None:
        raise BadRequestError(
            "The alert names no symbol that is known here: put {{ticker}} into its message.",
            field="symbol", value=None if word is None else str(word)[:80],
            closest=known.symbols[:10],
        )  # fmt: skip
    return found


def _timeframe(fields: Mapping[str, Any]) -> Timeframe | None:
    word = fields.get("timeframe") or fields.get("interval")
    if word is None:
        return None
    found = INTERVALS.get(str(word).upper()) or timeframe_of(str(word))
    if found is None:
        raise BadRequestError(
            f"No setup runs on the interval {str(word)[:20]!r}.", field="timeframe",
            value=str(word)[:20], closest=tuple(t.value for t in Timeframe),
        )  # fmt: skip
    return found


def _setup(fields: Mapping[str, Any], known: KnownWords) -> KnownSetup | None:
    word = fields.get("setup_id") or fields.get("setup")
    if word is None:
        return None
    found = known.setup(str(word))
    if found is None:
        ids = tuple(setup.setup_id for setup in known.setups)
        raise BadRequestError(
            f"unknown setup {str(word)[:80]!r}.", field="setup_id", value=str(word)[:80],
            closest=ids,
        )  # fmt: skip
    return found


def _period(fields: Mapping[str, Any], today: date) -> tuple[date, date]:
    """Return the days up to the one of the alert's bar."""
    try:
        days = int(fields.get("days", DAYS))
    except (TypeError, ValueError):
        days = 0
    if not 0 < days <= _MOST_DAYS:
        raise BadRequestError(
            f"days counts from 1 to {_MOST_DAYS}.", field="days", value=str(fields["days"])[:20],
            closest=(str(DAYS),),
        )  # fmt: skip
    try:
        end = min(date.fromisoformat(str(fields.get("time"))[:10]), today)
    except ValueError:  # no time, or one of another form
        end = today
    return end - timedelta(days=days - 1), end


def _batch(
    symbol: str, timeframe: Timeframe | None, period: tuple[date, date], known: KnownWords
) -> str:
    """Return the command that tests all setups of the timeframe."""
    fitting = [s for s in known.setups if timeframe is None or timeframe in s.timeframes]
    if not fitting:
        valid = {t for setup in known.setups for t in setup.timeframes}
        raise BadRequestError(
            f"No active setup runs on {timeframe}.", field="timeframe", value=timeframe,
            closest=tuple(t.value for t in Timeframe if t in valid),
        )  # fmt: skip
    words = [*(s.setup_id for s in fitting), symbol, timeframe and timeframe.value]
    return " ".join(["/batch", *(w for w in words if w), f"{period[0]}..{period[1]}"])
