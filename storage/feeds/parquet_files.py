"""Parquet files of bars, whoever wrote them."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.errors import BadBarsError
from storage.feeds.dialects import PRICE_WORDS, date_style, header_columns
from storage.feeds.table import Table
from storage.feeds.unpack import FileLimits


def read_parquet(name: str, body: bytes, limits: FileLimits) -> Table:
    """Read a parquet file: a time column (or index) and open, high, low, close by name.

    Raises
    ------
    BadBarsError
        Damaged, too large once unpacked, or without the columns.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(body))
        groups = range(file.metadata.num_row_groups)
        size = sum(file.metadata.row_group(i).total_byte_size for i in groups)
        cells = file.metadata.num_rows * file.metadata.num_columns * 8
        if max(size, cells) > limits.max_unpacked:
            allowed = limits.max_unpacked / 1e6
            raise BadBarsError(f"{name}: unpacks to more than the {allowed:.0f} MB allowed")
        frame = file.read().to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadBarsError(f"{name}: the parquet file is damaged ({error})") from error
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(names=[frame.index.name or "time"])
    columns = header_columns([str(c) for c in frame.columns])
    if not columns:
        raise BadBarsError(f"{name}: no time, open, high, low and close columns")
    if frame.empty:
        raise BadBarsError(f"{name}: no bars in it")
    return _table(name, frame, columns)


def _table(name: str, frame: pd.DataFrame, columns: dict[str, int]) -> Table:
    stamps, clock = _stamps(name, frame, columns)
    try:
        numbers = {
            word: frame.iloc[:, i].to_numpy(dtype="float64")
            for word, i in columns.items()
            if word not in ("date", "time", "symbol")
        }
    except (ValueError, TypeError) as error:
        raise BadBarsError(f"{name}: a price column holds no numbers ({error})") from error
    symbol = frame.iloc[:, columns["symbol"]].unique() if "symbol" in columns else []
    if len(symbol) > 1:
        raise BadBarsError(f"{name}: {len(symbol)} symbols in one file; send them singly")
    return Table(
        name=name,
        kind="parquet",
        stamps=stamps,
        prices=np.column_stack([numbers[word] for word in PRICE_WORDS]),
        volume=numbers.get("volume"),
        spread=_spread(frame, columns, numbers),
        clock=clock,
        has_time=bool((stamps % 86_400 != 0).any()),
        symbol=str(symbol[0]) if len(symbol) else None,
        where=lambda row: f"row {row + 1}",
    )


def _stamps(name: str, frame: pd.DataFrame, columns: dict[str, int]) -> tuple[np.ndarray, str]:
    column = frame.iloc[:, columns.get("time", columns.get("date", 0))]
    clock = "wall"
    if pd.api.types.is_integer_dtype(column):
        style = date_style(str(column.iloc[0]))
        if style is None or style.format != "unix":
            raise BadBarsError(f"{name}, row 1: {column.iloc[0]!r} is no date and time")
        column, clock = pd.to_datetime(column, unit=style.unit), "unix"
    try:
        times = pd.DatetimeIndex(pd.to_datetime(column))
    except (ValueError, TypeError) as error:
        raise BadBarsError(f"{name}: the time column is no date and time ({error})") from error
    if times.hasnans:
        row = int(np.argmax(times.isna())) + 1
        raise BadBarsError(f"{name}, row {row}: the time is missing")
    if times.tz is not None:
        times, clock = times.tz_convert("UTC").tz_localize(None), "utc"
    return np.asarray(times.as_unit("s").asi8, dtype="int64"), clock


def _spread(
    frame: pd.DataFrame, columns: dict[str, int], numbers: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Return ask − bid in price units; whole numbers are in units of the last digit."""
    if "ask_close" in numbers:
        return np.asarray(np.maximum(numbers["ask_close"] - numbers["close"], 0.0))
    if "spread" not in numbers:
        return None
    if not pd.api.types.is_integer_dtype(frame.iloc[:, columns["spread"]]):
        return numbers["spread"]
    return numbers["spread"] * 10.0 ** -_digits(numbers["close"][:1000])


def _digits(prices: np.ndarray) -> int:
    """Return the fewest decimals that write all of these prices exactly (at most 8)."""
    for digits in range(9):
        if np.allclose(prices, np.round(prices, digits), rtol=0, atol=1e-9):
            return digits
    return 8
