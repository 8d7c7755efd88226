"""The other way to the same prices: the API that Dukascopy's own download page asks.

Answers are JSON. Times and prices are differences to the one before, in steps of `shift` ms and
`multiplier`; volumes are as they are. Months count from 1 here, and symbols have their points and
dashes: DEU.IDX-EUR for the file name DEUIDXEUR. A time of no trade gives empty lists, a day or an
hour that isn't over 400, what there is not 404.
"""

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from pipeline.domain.errors import BadBarsError
from storage.feeds.dukascopy_files import (
    NO_TICKS,
    Candles,
    Ticks,
    check_minutes,
    check_moments,
)
from storage.feeds.patient_http import NotWholeError, PatientHttp

BASE = "https://jetta.dukascopy.com"
ABSENT = (400, 404)
"""Statuses that say that there is no such day or hour, or not yet."""
_DAY_BYTES = 4_000_000
_HOUR_BYTES = 32_000_000
_FAMILIES = re.compile(r"([A-Z0-9]+)(IDX|CMD|TR)([A-Z]{3})")
_MOST = 2.0**53
_OFF = 0.01
"""Of a step: a difference that isn't whole is no difference in steps."""


class PricesApi:
    """See `storage.feeds.dukascopy.Door`.

    Parameters
    ----------
    http
        Takes the statuses `ABSENT` for "no such file".
    base
        Scheme, host and port.
    """

    def __init__(self, http: PatientHttp, base: str = BASE) -> None:
        self._http = http
        self._base = f"{base.rstrip('/')}/v1"

    async def candles(self, name: str, day: date, side: str) -> Candles | None:
        """Return a day's candles, side "bid" or "ask"; None: there are none (yet)."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        place = f"{code_of(name)}/{side.upper()}/{day.year}/{day.month}/{day.day}"
        return await self._http.fetch(
            f"{self._base}/candles/minute/{place}",
            _DAY_BYTES,
            lambda data: read_answer_of_candles(data, midnight),
        )

    async def ticks(self, name: str, hour: datetime) -> Ticks | None:
        """Return the ticks of the hour that begins then, UTC; None: there are none (yet)."""
        place = f"{code_of(name)}/{hour.year}/{hour.month}/{hour.day}/{hour.hour}"
        return await self._http.fetch(
            f"{self._base}/ticks/{place}",
            _HOUR_BYTES,
            lambda data: read_answer_of_ticks(data, hour),
        )

    async def about(self, name: str) -> dict[str, Any] | None:
        """Return what is said of a symbol; None: there is no such one."""
        url = f"{self._base}/instruments/{code_of(name)}"
        return await self._http.fetch(url, _DAY_BYTES, _answer)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()


def code_of(name: str) -> str:
    """Return the API's name for that of a file: EUR-USD for EURUSD."""
    family = _FAMILIES.fullmatch(name)
    if family is not None:
        return f"{family[1]}.{family[2]}-{family[3]}"
    return f"{name[:-3]}-{name[-3:]}"


def read_answer_of_candles(data: bytes, midnight: datetime) -> Candles:
    """Return the candles of a day; NotWholeError, BadBarsError."""
    answer, names = _answer(data), ("opens", "highs", "lows", "closes")
    times, volume, *moves = _lists(answer, ("times", "volumes", *names))
    if not len(times):
        return Candles(np.empty(0, "int64"), np.empty((0, 4), "int64"), np.empty(0))
    at = _whole(_number(answer, "timestamp") + np.cumsum(times) * _number(answer, "shift"))
    at = (at - int(midnight.timestamp() * 1000)) // 1000
    check_minutes(at)
    step = _number(answer, "multiplier")
    prices = [
        _path(answer, first, move, step)
        for first, move in zip(("open", "high", "low", "close"), moves, strict=True)
    ]
    return Candles(at, np.column_stack(prices), volume, step)


def read_answer_of_ticks(data: bytes, hour: datetime) -> Ticks:
    """Return the ticks of an hour; NotWholeError, BadBarsError."""
    answer = _answer(data)
    names = ("times", "bids", "asks", "bidVolumes", "askVolumes")
    times, bids, asks, bid_volume, ask_volume = _lists(answer, names)
    if not len(times):
        return NO_TICKS
    shift = _number(answer, "shift") if answer.get("shift") is not None else 1.0
    at = _whole(_number(answer, "timestamp") + np.cumsum(times) * shift)
    at = at - int(hour.timestamp() * 1000)
    check_moments(at)
    step = _number(answer, "multiplier")
    bid, ask = _path(answer, "bid", bids, step), _path(answer, "ask", asks, step)
    return Ticks(at, bid, ask, bid_volume, ask_volume, step)


def _answer(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotWholeError("no JSON") from error
    if not isinstance(found, dict):
        raise NotWholeError("JSON of another shape")
    return found


def _lists(answer: dict[str, Any], names: tuple[str, ...]) -> list[np.ndarray]:
    """Return the lists as float64; lists of different lengths are a damaged answer."""
    try:
        found = [np.asarray(answer.get(name) or [], dtype="float64") for name in names]
    except (TypeError, ValueError, OverflowError) as error:
        raise NotWholeError("lists that are no numbers") from error
    if len({each.shape for each in found}) != 1 or found[0].ndim != 1:
        raise NotWholeError("lists of different lengths")
    return found


def _number(answer: dict[str, Any], name: str) -> float:
    value = answer.get(name)
    if not isinstance(value, int | float) or not 0 < value < _MOST:
        raise NotWholeError(f"no {name}")
    return float(value)


def _path(answer: dict[str, Any], first: str, moves: np.ndarray, step: float) -> np.ndarray:
    """Return prices in whole steps: the first as it is told, each further one by its move."""
    return _whole(_number(answer, first) / step + np.cumsum(moves))


def _whole(values: np.ndarray) -> np.ndarray:
    whole = np.round(values)
    if not ((np.abs(values - whole) < _OFF) & (np.abs(whole) < _MOST)).all():
        raise BadBarsError("Dukascopy's answer has prices or times between its own steps")
    return whole.astype("int64")
