"""What a model of direction knows at a bar's close: numbers of the bars up to it, scale-free."""

import numpy as np
import pandas as pd

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.market import Timeframe
from pipeline.ml.barriers import true_range_mean

FEATURE_VERSION = "exchange_v1"
WARM_UP = 289
"""Bars that the longest window needs, the bar itself among them."""
_MOVES = (1, 3, 6, 12, 24, 48, 96, 288)
_RANGES = (12, 48, 288)
_MEANS = (12, 48, 288)
_DAY = 86_400
FEATURES: tuple[str, ...] = (
    *(f"move_{n}" for n in _MOVES),
    *(f"place_in_{n}" for n in _RANGES),
    *(f"range_{n}" for n in _RANGES),
    *(f"from_mean_{n}" for n in _MEANS),
    "atr_ratio_14_96",
    "atr_ratio_14_288",
    "atr_share",
    "body",
    "upper_wick",
    "lower_wick",
    "up_share_12",
    "up_share_48",
    "volume_12_288",
    "volume_1_48",
    "hour_sin",
    "hour_cos",
    "weekend",
)
"""In the trees' order. Moves, ranges and distances are in mean true ranges of 14 bars."""


def exchange_features(bars: pd.DataFrame) -> np.ndarray:
    """Return the features at each bar's close, (bars, features) float64.

    NaN: the window isn't full yet, or holds nothing to measure by. Each row depends on the
    `WARM_UP` bars up to it alone, to the last bit.
    """
    if bars.empty:
        return np.empty((0, len(FEATURES)))
    o, h, low, c, v = (
        bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")
    )
    atr = true_range_mean(h, low, c)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [
            *((c - _ago(c, n)) / atr for n in _MOVES),
            *(_place(h, low, c, n) for n in _RANGES),
            *((_over(h, n).max(1) - _over(low, n).min(1)) / atr for n in _RANGES),
            *((c - _over(c, n).mean(1)) / atr for n in _MEANS),
            atr / true_range_mean(h, low, c, 96),
            atr / true_range_mean(h, low, c, 288),
            atr / c,
            (c - o) / (h - low),
            (h - np.maximum(o, c)) / (h - low),
            (np.minimum(o, c) - low) / (h - low),
            *(_over((c > o).astype("float64"), n).mean(1) for n in (12, 48)),
            _over(v, 12).mean(1) / _over(v, 288).mean(1),
            v / _over(v, 48).mean(1),
            *_clock(bars),
        ]
    table = np.column_stack(columns)
    table[~np.isfinite(table)] = np.nan
    return table


def whole_windows(bars: pd.DataFrame, timeframe: Timeframe) -> np.ndarray:
    """Return for each bar whether the `WARM_UP` bars up to it are there without a hole."""
    opened = epoch_seconds(bars["open_time"])
    whole = np.zeros(len(opened), dtype=bool)
    span = (WARM_UP - 1) * timeframe.minutes * 60
    if len(opened) >= WARM_UP:
        whole[WARM_UP - 1 :] = opened[WARM_UP - 1 :] - opened[: -(WARM_UP - 1)] == span
    return whole


def _ago(values: np.ndarray, bars: int) -> np.ndarray:
    found = np.full(len(values), np.nan)
    found[bars:] = values[:-bars]
    return found


def _over(values: np.ndarray, bars: int) -> np.ndarray:
    """Return the last `bars` values at each row, NaN before there are as many."""
    padded = np.concatenate([np.full(bars - 1, np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, bars)


def _place(h: np.ndarray, low: np.ndarray, c: np.ndarray, bars: int) -> np.ndarray:
    """Return where the close lies in the range of the last bars: 0 at its low, 1 at its high."""
    top, bottom = _over(h, bars).max(1), _over(low, bars).min(1)
    return np.asarray((c - bottom) / (top - bottom))


def _clock(bars: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    closed = epoch_seconds(bars["close_time"])
    turn = closed % _DAY / _DAY * 2 * np.pi
    weekday = (closed // _DAY + 3) % 7  # 1970-01-01 was a Thursday
    return np.sin(turn), np.cos(turn), (weekday > 4).astype("float64")  # noqa: PLR2004 (Friday)
