"""The bar frame: the one shape in which bars travel through the house.

A bar frame is a pandas DataFrame with a RangeIndex and these columns, in this order:

| column | dtype | meaning |
|---|---|---|
| open_time, close_time | datetime64[us, UTC] | [open, close); the bar is known at close_time |
| open, high, low, close | float64 | bid prices, finite, low <= open, close <= high, > 0 |
| volume | float64 | tick or real volume, >= 0; 0 where the source has none |
| spread | float64 | ask − bid in price units, NaN where the source has none |

Rows are sorted by open_time and unique; missing bars are absent, never filled.
"""

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe

PRICES = ("open", "high", "low", "close")
COLUMNS = ("open_time", "close_time", *PRICES, "volume", "spread")
TIME_DTYPE = "datetime64[us, UTC]"


class BarColumns:
    """Bars to be read: each column as an array that can't be written into.

    Looking a column of a frame up takes pandas longer than most detectors need for a live window,
    and all of them read the same few. Nothing may change the bars while they are read.

    Parameters
    ----------
    columns
        By name, as in a bar frame; times as datetime64[us], UTC. They become read-only.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self._columns = {name: _read_only(columns[name]) for name in COLUMNS}
        self._seconds: dict[str, np.ndarray] = {}

    @classmethod
    def of(cls, bars: "BarTable") -> "BarColumns":
        """Return the columns of a bar frame; columns are returned as they are."""
        if isinstance(bars, BarColumns):
            return bars
        times = {n: bars[n].to_numpy(dtype="datetime64[us]") for n in ("open_time", "close_time")}
        values = {n: bars[n].to_numpy(dtype="float64") for n in COLUMNS if n not in times}
        return cls(times | values)

    def __len__(self) -> int:
        return len(self._columns["open_time"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def seconds(self, name: str) -> np.ndarray:
        """Return `open_time` or `close_time` as int64 seconds since 1970 UTC."""
        if name not in self._seconds:
            self._seconds[name] = _read_only(self._columns[name].view("int64") // 1_000_000)
        return self._seconds[name]


def _read_only(values: np.ndarray) -> np.ndarray:
    kept = values.view()
    kept.flags.writeable = False
    return kept


BarTable: TypeAlias = pd.DataFrame | BarColumns
"""A bar frame, or its columns at hand: what is only read takes either."""


def float_column(bars: BarTable, name: str) -> np.ndarray:
    """Return a column of prices, volume or spread as float64."""
    if isinstance(bars, BarColumns):
        return bars[name]
    return np.asarray(bars[name].to_numpy(dtype="float64"))


def time_column(bars: BarTable, name: str) -> np.ndarray:
    """Return `open_time` or `close_time` as datetime64[us], UTC."""
    if isinstance(bars, BarColumns):
        return bars[name]
    return np.asarray(bars[name].to_numpy(dtype="datetime64[us]"))


def bar_seconds(bars: BarTable, name: str) -> np.ndarray:
    """Return `open_time` or `close_time` as int64 seconds since 1970 UTC."""
    return bars.seconds(name) if isinstance(bars, BarColumns) else epoch_seconds(bars[name])


def empty_bars() -> pd.DataFrame:
    """Return a bar frame of no rows."""
    return bar_frame(pd.DatetimeIndex([], tz="UTC"), Timeframe.M1, np.empty((0, 4)))


def bar_frame(
    open_time: pd.DatetimeIndex | pd.Series,
    timeframe: Timeframe,
    prices: np.ndarray,
    volume: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> pd.DataFrame:
    """Build a bar frame from open times and an (n, 4) array of open, high, low, close.

    Parameters
    ----------
    open_time
        UTC, tz-aware, any resolution.
    prices
        float, shape (n, 4).
    volume, spread
        Shape (n,); absent means 0 and NaN.
    """
    opened = pd.DatetimeIndex(open_time).as_unit("us")
    n = len(opened)
    columns = {
        "open_time": opened,
        "close_time": (opened + timeframe.delta).as_unit("us"),
        **{name: np.array(prices[:, i], dtype="float64") for i, name in enumerate(PRICES)},
        "volume": np.zeros(n) if volume is None else np.array(volume, dtype="float64"),
        "spread": np.full(n, np.nan) if spread is None else np.array(spread, dtype="float64"),
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(n), copy=False)


def validate_bars(bars: pd.DataFrame, timeframe: Timeframe) -> pd.DataFrame:
    """Return `bars` unchanged if it keeps the bar contract.

    Raises
    ------
    BadBarsError
        With the first rule broken and the row (0-based) and time where it is.
    """
    if tuple(bars.columns) != COLUMNS:
        raise BadBarsError(f"bar frame has columns {list(bars.columns)}, not {list(COLUMNS)}")
    _check_dtypes(bars)
    opened = epoch_seconds(bars["open_time"])
    closed = epoch_seconds(bars["close_time"])
    o, h, low, c = (bars[name].to_numpy() for name in PRICES)
    rules = (
        ("times are sorted and unique", np.diff(opened, prepend=opened[:1] - 1) > 0),
        ("close_time is open_time + timeframe", closed - opened == timeframe.minutes * 60),
        ("prices are finite and positive", np.isfinite(o + h + low + c) & (low > 0)),
        ("low <= open, close <= high", (low <= np.minimum(o, c)) & (np.maximum(o, c) <= h)),
        ("volume is not negative", bars["volume"].to_numpy() >= 0),
        ("spread is not negative", ~(bars["spread"].to_numpy() < 0)),
    )
    for rule, holds in rules:
        if not holds.all():
            row = int(np.argmin(holds))
            raise BadBarsError(f"bar {row} at {bars['open_time'].iloc[row]}: not so that {rule}")
    return bars


def _check_dtypes(bars: pd.DataFrame) -> None:
    for name in COLUMNS:
        wanted = TIME_DTYPE if name.endswith("_time") else "float64"
        if str(bars[name].dtype) != wanted:
            raise BadBarsError(f"column {name} is {bars[name].dtype}, not {wanted}")


def epoch_seconds(times: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """Return int64 seconds since 1970 UTC, whatever the resolution of `times`; none is NaT."""
    return np.asarray(times.to_numpy(dtype="datetime64[us]").view("int64") // 1_000_000)


def fingerprint(bars: pd.DataFrame) -> str:
    """Return the SHA-256 of the bars' times, prices, volume and spread, as hex.

    Equal bars give equal fingerprints on every machine; any changed bit changes it.
    """
    digest = hashlib.sha256()
    digest.update(epoch_seconds(bars["open_time"]).astype("<i8").tobytes())
    for name in (*PRICES, "volume", "spread"):
        digest.update(bars[name].to_numpy(dtype="<f8").tobytes())
    return digest.hexdigest()
