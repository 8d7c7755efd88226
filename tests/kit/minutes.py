"""M1 bars that longer real bars could have been made of, for markets held in longer bars only."""

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame, epoch_seconds
from pipeline.domain.market import Timeframe


def minutes_of(bars: pd.DataFrame, timeframe: Timeframe, rng: np.random.Generator) -> pd.DataFrame:
    """Return M1 bars that aggregate to exactly these: a straight way with both extremes on it."""
    n, m = len(bars), timeframe.minutes
    opened, high, low, close = (
        bars[c].to_numpy()[:, None] for c in ("open", "high", "low", "close")
    )
    way = opened + (close - opened) * np.arange(m + 1) / m
    way[:, -1] = close[:, 0]
    o, c = np.clip(way[:, :-1], low, high), np.clip(way[:, 1:], low, high)
    h, lo = np.maximum(o, c), np.minimum(o, c)
    rows = np.arange(n)
    h[rows, rng.integers(0, m, n)] = high[:, 0]
    lo[rows, rng.integers(0, m, n)] = low[:, 0]
    seconds = epoch_seconds(bars["open_time"])[:, None] + 60 * np.arange(m)
    times = pd.DatetimeIndex(seconds.ravel().astype("datetime64[s]")).tz_localize("UTC")
    prices = np.column_stack([x.ravel() for x in (o, h, lo, c)])
    spread = np.repeat(bars["spread"].to_numpy(), m)
    return bar_frame(times, Timeframe.M1, prices, None, spread)
