"""What Dukascopy's files hold: candles of a day and ticks of an hour, as whole numbers.

Both are LZMA ("alone") of big-endian records. A candle: seconds since midnight UTC, open, close,
low, high, volume. A tick: milliseconds since the hour began, ask, bid, ask volume, bid volume.
An empty file holds nothing: no trading. Between trades a day's file repeats the last close with
no volume, through weekends and holidays too; those candles are no bars.
"""

import lzma
from dataclasses import dataclass, replace

import numpy as np

from pipeline.domain.errors import BadBarsError
from storage.feeds.patient_http import NotWholeError

DAY_SECONDS = 86_400
HOUR_MS = 3_600_000
_CANDLE = np.dtype(
    [("at", ">u4"), ("open", ">u4"), ("close", ">u4"), ("low", ">u4"), ("high", ">u4"),
     ("volume", ">f4")]
)  # fmt: skip
_TICK = np.dtype(
    [("at", ">u4"), ("ask", ">u4"), ("bid", ">u4"), ("asked", ">f4"), ("offered", ">f4")]
)
MOST_CANDLES = 1440
MOST_TICKS = 2_000_000


@dataclass(frozen=True)
class Candles:
    """Candles of one side on one day.

    `at`: seconds since midnight UTC, int64. `prices`: int64 (n, 4), open, high, low, close, in
    steps. `volume`: float64. `step`: the price of 1; None: the symbol's scale tells it.
    """

    at: np.ndarray
    prices: np.ndarray
    volume: np.ndarray
    step: float | None = None


@dataclass(frozen=True)
class Ticks:
    """Ticks of an hour. `at`: ms since it began; prices int64; volumes float64, in lots.

    `step`: as of candles.
    """

    at: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    bid_volume: np.ndarray
    ask_volume: np.ndarray
    step: float | None = None


NO_TICKS = Ticks(np.empty(0, "int64"), *(np.empty(0),) * 4)


def read_candles(data: bytes) -> Candles:
    """Return the candles of a day's file.

    Raises
    ------
    NotWholeError
        The bytes are no whole file.
    BadBarsError
        They are, but the times are none of a day's minutes in order.
    """
    rows = _records(data, _CANDLE, MOST_CANDLES)
    at = rows["at"].astype("int64")
    check_minutes(at)
    prices = np.column_stack(
        [rows[name].astype("int64") for name in ("open", "high", "low", "close")]
    )
    return Candles(at, prices, rows["volume"].astype("float64"))


def traded(candles: Candles) -> Candles:
    """Return the candles without those that only fill a time of no trade: flat, of no volume."""
    moved = (candles.prices != candles.prices[:, :1]).any(axis=1)
    real = moved | (candles.volume > 0)
    return replace(
        candles, at=candles.at[real], prices=candles.prices[real], volume=candles.volume[real]
    )


def check_minutes(at: np.ndarray) -> None:
    """Raise BadBarsError for seconds that are not a day's minutes in order."""
    if len(at) and (
        at[0] < 0 or at[-1] >= DAY_SECONDS or (at % 60).any() or (np.diff(at) <= 0).any()
    ):
        raise BadBarsError("Dukascopy's candles are not a day's minutes in order")


def check_moments(at: np.ndarray) -> None:
    """Raise BadBarsError for milliseconds that are not an hour's in order."""
    if len(at) and (at[0] < 0 or at[-1] >= HOUR_MS or (np.diff(at) < 0).any()):
        raise BadBarsError("Dukascopy's ticks are not an hour's in order")


def read_ticks(data: bytes) -> Ticks:
    """Return the ticks of an hour's file; errors as of `read_candles`."""
    rows = _records(data, _TICK, MOST_TICKS)
    at = rows["at"].astype("int64")
    check_moments(at)
    return Ticks(
        at,
        rows["bid"].astype("int64"),
        rows["ask"].astype("int64"),
        rows["offered"].astype("float64"),
        rows["asked"].astype("float64"),
    )


def candles_of_ticks(ticks: Ticks, hour: int, *, side: str) -> Candles:
    """Return the M1 candles that an hour's ticks make, as the day's file has them.

    Parameters
    ----------
    hour
        Of the day, 0 to 23.
    side
        "bid" or "ask".
    """
    price = ticks.bid if side == "bid" else ticks.ask
    volume = ticks.bid_volume if side == "bid" else ticks.ask_volume
    minutes, first = np.unique(ticks.at // 60_000, return_index=True)
    if not len(first):
        return Candles(np.empty(0, "int64"), np.empty((0, 4), "int64"), np.empty(0))
    last = np.append(first[1:], len(price)) - 1
    prices = np.column_stack(
        [
            price[first],
            np.maximum.reduceat(price, first),
            np.minimum.reduceat(price, first),
            price[last],
        ]
    )
    return Candles(hour * 3600 + minutes * 60, prices, np.add.reduceat(volume, first), ticks.step)


def _records(data: bytes, kind: np.dtype, most: int) -> np.ndarray:
    """Return the records that a file holds; an empty file holds none."""
    if not data:
        return np.empty(0, kind)
    reader = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=256 << 20)
    try:
        raw = reader.decompress(data, kind.itemsize * most + 1)
    except lzma.LZMAError as error:
        raise NotWholeError("a damaged file") from error
    if len(raw) > kind.itemsize * most:
        raise BadBarsError("a file of Dukascopy's holds more than there can be")
    told = int.from_bytes(data[5:13], "little")  # all ones: not told, an end mark follows
    if not (reader.eof or len(raw) == told) or len(raw) % kind.itemsize:
        raise NotWholeError("a cut file")
    return np.frombuffer(raw, kind)
