"""Bars drawn by hand: a price path through way points, with single bars told exactly."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Timeframe

Bar = tuple[float, float, float, float]
"""Open, high, low, close."""

_SWAY = (0.0, 0.7, -0.5, 0.4, -0.8, 0.3, 0.6, -0.4)
_WICKS = ((0.6, 0.4), (0.3, 0.8), (0.9, 0.3), (0.4, 0.6), (0.7, 0.7), (0.2, 0.5))


def path(
    first: float,
    legs: Sequence[tuple[int, float]],
    told: Mapping[int, Bar] | None = None,
    *,
    sway: float = 0.5,
    wick: float = 0.5,
) -> np.ndarray:
    """Return bars (n, 4) that walk from `first` through the legs, given as (bars, price).

    Parameters
    ----------
    told
        Row -> that bar exactly; the next one opens at its close.
    sway, wick
        How far closes stray from the straight line, and wicks beyond bodies, in price.
    """
    closes: list[float] = []
    before = first
    for count, price in legs:
        straight = before + (price - before) * np.arange(1, count + 1) / count
        stray = [sway * _SWAY[(len(closes) + i) % len(_SWAY)] for i in range(count - 1)]
        closes += (straight + np.array([*stray, 0.0])).tolist()
        before = price
    rows: list[Bar] = []
    for i, close in enumerate(closes):
        opened = rows[-1][3] if rows else first
        above, below = (wick * part for part in _WICKS[i % len(_WICKS)])
        walked = (opened, max(opened, close) + above, min(opened, close) - below, close)
        rows.append((told or {}).get(i, walked))
    return np.round(np.array(rows, dtype="float64"), 1)


def stretch(
    start: str,
    prices: np.ndarray,
    *,
    timeframe: Timeframe = Timeframe.M5,
    zone: str = "Europe/Berlin",
    missing: Sequence[int] = (),
    volume: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Return the bars as a frame from a local time on; bars in `missing` aren't there.

    `volume` is 100 a bar if it isn't given.
    """
    opened = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    kept = [i for i in range(len(prices)) if i not in missing]
    times = [opened + i * timedelta(minutes=timeframe.minutes) for i in kept]
    stamps = pd.DatetimeIndex(pd.to_datetime(times, utc=True))
    traded = np.full(len(prices), 100.0) if volume is None else np.array(volume, dtype="float64")
    return bar_frame(stamps, timeframe, prices[kept], volume=traded[kept])


def joined(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return stretches one after the other; what lies between them is a closed market."""
    return pd.concat(parts, ignore_index=True)
