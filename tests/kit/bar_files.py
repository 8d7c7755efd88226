"""Files of bars as other programs write them, made from bar frames."""

import io

import numpy as np
import pandas as pd

from pipeline.data.zones import from_utc
from pipeline.domain.bars import PRICES, bar_frame, epoch_seconds
from pipeline.domain.market import Timeframe


def random_bars(
    count: int,
    timeframe: Timeframe = Timeframe.M1,
    *,
    start: str = "2024-03-04 08:00",
    seed: int = 1,
    digits: int = 5,
    level: float = 1.1,
) -> pd.DataFrame:
    """Bars in a row without holes, prices on a grid of `digits` decimals."""
    rng = np.random.default_rng(seed)
    closes = level * np.exp(np.cumsum(rng.normal(0, 1e-4, count)))
    opens = np.concatenate([[level], closes])[:count]
    high = np.maximum(opens, closes) * (1 + rng.exponential(5e-5, count))
    low = np.minimum(opens, closes) * (1 - rng.exponential(5e-5, count))
    prices = np.round(np.column_stack([opens, high, low, closes]), digits)
    times = pd.date_range(start, periods=count, freq=f"{timeframe.minutes}min", tz="UTC")
    spread = np.round(rng.integers(1, 30, count) * 10.0**-digits, digits)
    return bar_frame(times, timeframe, prices, rng.integers(1, 999, count), spread)


def wall(bars: pd.DataFrame, zone: str) -> pd.DatetimeIndex:
    """The stamps a program in `zone` would write."""
    seconds = from_utc(epoch_seconds(bars["open_time"]), zone)
    return pd.DatetimeIndex(seconds.astype("datetime64[s]"))


def _priced(bars: pd.DataFrame, digits: int) -> list[list[str]]:
    return [[f"{p:.{digits}f}" for p in row] for row in bars[[*PRICES]].to_numpy()]


def _file(rows: list[list[str]], delimiter: str, header: str = "") -> bytes:
    lines = ([header] if header else []) + [delimiter.join(row) for row in rows]
    return ("\r\n".join(lines) + "\r\n").encode()


def mt5_export(
    bars: pd.DataFrame, zone: str = "New York+7", digits: int = 5, *, daily: bool = False
) -> bytes:
    """MT5 terminal, History, "Export Bars": tabs, headers in angle brackets."""
    spread = np.nan_to_num(bars["spread"].to_numpy() * 10**digits)
    rows = [
        [
            f"{t:%Y.%m.%d}",
            *([] if daily else [f"{t:%H:%M:%S}"]),
            *prices,
            f"{v:.0f}",
            "0",
            f"{s:.0f}",
        ]
        for t, prices, v, s in zip(
            wall(bars, zone), _priced(bars, digits), bars["volume"], spread, strict=True
        )
    ]
    time = "" if daily else "<TIME>\t"
    header = f"<DATE>\t{time}<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    return _file(rows, "\t", header)


def metatrader_comma(bars: pd.DataFrame, zone: str = "New York+7", digits: int = 5) -> bytes:
    """Old comma format of MT4 and MT5 (and of HistData's MetaTrader files): no header."""
    rows = [
        [f"{t:%Y.%m.%d}", f"{t:%H:%M}", *prices, f"{v:.0f}"]
        for t, prices, v in zip(
            wall(bars, zone), _priced(bars, digits), bars["volume"], strict=True
        )
    ]
    return _file(rows, ",")


def histdata_ascii(bars: pd.DataFrame, zone: str = "London-5", digits: int = 6) -> bytes:
    """HistData, generic ASCII: semicolons, no header, volume always 0."""
    rows = [
        [f"{t:%Y%m%d %H%M%S}", *prices, "0"]
        for t, prices in zip(wall(bars, zone), _priced(bars, digits), strict=True)
    ]
    return _file(rows, ";")


def tradingview(bars: pd.DataFrame, *, iso: bool = False, digits: int = 5) -> bytes:
    """TradingView "Export chart data": indicators as further columns, empty at first."""
    seconds = epoch_seconds(bars["open_time"])
    stamps = [
        f"{t:%Y-%m-%dT%H:%M:%SZ}" if iso else str(s)
        for t, s in zip(bars["open_time"], seconds, strict=True)
    ]
    rows = [
        [t, *prices, f"{v:.0f}", "" if i < 3 else "1.5", ""]
        for i, (t, prices, v) in enumerate(
            zip(stamps, _priced(bars, digits), bars["volume"], strict=True)
        )
    ]
    return _file(rows, ",", "time,open,high,low,close,Volume,EMA,Plot")


def any_csv(
    bars: pd.DataFrame,
    *,
    delimiter: str = ";",
    decimal: str = ",",
    form: str = "%d.%m.%Y %H:%M",
    zone: str = "UTC",
    header: str = "Date;Open;High;Low;Close;Volume",
    digits: int = 5,
) -> bytes:
    """A table as a spreadsheet writes it."""
    rows = [
        [t.strftime(form), *(p.replace(".", decimal) for p in prices), f"{v:.0f}"]
        for t, prices, v in zip(
            wall(bars, zone), _priced(bars, digits), bars["volume"], strict=True
        )
    ]
    return _file(rows, delimiter, header.replace(";", delimiter))


def parquet(bars: pd.DataFrame) -> bytes:
    """A bar frame as pandas saves it."""
    sink = io.BytesIO()
    bars.to_parquet(sink)
    return sink.getvalue()
