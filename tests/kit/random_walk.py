"""A market without memory: minute bars of a martingale, on which no rule can win or lose.

Within a minute the price is a Brownian motion in two halves. The high and low of each half are
drawn from their exact laws (the maximum of a Brownian bridge), so price touches every level it
passes: an order that fills at its price fills where the walk really was, without overshoot.
"""

from datetime import date, datetime, time, timedelta

import numpy as np
import pandas as pd

from pipeline.data.zones import wall_clock
from pipeline.domain.bars import bar_frame, epoch_seconds
from pipeline.domain.market import Timeframe

SHAPE = np.array([6, 7, 6, 5, 5, 6, 9, 14, 16, 14, 12, 12, 15, 18, 19, 16, 12, 10] + [6] * 6) / 12
"""Usual movement by hour in London; known in advance, so it leaves the walk a martingale."""
_HALVES = 2
_JUMP = 0.15  # of a minute's movement, between one close and the next open
_WEEKEND = 10.0


def walk(rng: np.random.Generator, year: int, *, start: float, sigma: float) -> pd.DataFrame:
    """Return a year of M1 bars of working days, 22:00 to 18:00 UTC, without spreads.

    Parameters
    ----------
    start
        First price.
    sigma
        Movement of an average minute, in price units; it also wanders from day to day.
    """
    opens = _opens(year)
    n = len(opens)
    days = opens // 86_400 - opens[0] // 86_400
    wandering = np.exp(rng.normal(0.0, 0.35, int(days[-1]) + 1))[days]
    hour = wall_clock(opens, "Europe/London") % 86_400 // 3600
    scale = sigma * SHAPE[hour] * wandering
    jumps = rng.standard_normal(n) * scale * _JUMP
    jumps[np.diff(opens, prepend=opens[0]) > 60] *= _WEEKEND / _JUMP
    half = scale / np.sqrt(_HALVES)
    moves = rng.standard_normal((n, _HALVES)) * half[:, None]
    path = np.cumsum(np.column_stack([jumps, moves]).ravel()).reshape(n, _HALVES + 1) + start
    before, after = path[:, :-1], path[:, 1:]
    high, low = (_extreme(rng, before, after, half[:, None], way) for way in (1.0, -1.0))
    prices = np.column_stack([path[:, 0], high.max(axis=1), low.min(axis=1), path[:, -1]])
    times = pd.DatetimeIndex(opens.astype("datetime64[s]")).tz_localize("UTC")
    return bar_frame(times, Timeframe.M1, prices)


def _extreme(
    rng: np.random.Generator, a: np.ndarray, b: np.ndarray, sigma: np.ndarray, way: float
) -> np.ndarray:
    """Draw the maximum (way 1) or minimum (−1) of Brownian bridges from a to b."""
    drawn = np.log(rng.random(a.shape)) * 2 * sigma**2
    return (a + b + way * np.sqrt((b - a) ** 2 - drawn)) / 2


def _opens(year: int) -> np.ndarray:
    first = datetime.combine(date(year, 1, 1), time())
    minutes = pd.date_range(first, first + timedelta(days=365), freq="min", tz="UTC")
    traded = (minutes.hour < 18) & (minutes.day_of_week < 5)
    return epoch_seconds(minutes[traded])
