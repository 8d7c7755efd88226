"""A made year of minute bars, for looking around before real bars are imported.

The shape of the day, the clustering of volatility, fat tails, spreads, holidays and clock
changes are lifelike; the prices are noise. Nothing can be learnt about a setup's edge here.
"""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipeline.data.calendar import expected_opens
from pipeline.data.zones import wall_clock
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe

SAMPLE_YEAR = 2025
_STEPS = 6
_OPENING = 0.1
# A minute opens where the last one closed, but for a tick or two: its first step is small.
_SHARES = np.array([_OPENING] + [np.sqrt((1 - _OPENING**2) / (_STEPS - 1))] * (_STEPS - 1))
_BLOCK = 15
_HOUR, _DAY = 3600, 86_400

_START = {
    "GER40": 20_000.0,
    "EU50": 5_000.0,
    "US500": 5_900.0,
    "USTEC": 21_000.0,
    "EURUSD": 1.08,
    "GBPUSD": 1.27,
    "USDJPY": 150.0,
    "XAUUSD": 2_650.0,
    "BTCUSD": 95_000.0,
}
_SIGMA = {
    "fx": 0.62e-4,
    "metal": 1.3e-4,
    "index_xetra": 1.8e-4,
    "index_us": 1.6e-4,
    "crypto": 5e-4,
}
_NIGHT = {"fx": 3.0, "metal": 6.0, "index_xetra": 12.0, "index_us": 8.0, "crypto": 1.0}
_SHAPES = {
    "Europe/Berlin": (9, 9, 13, 10, 8, 8, 9, 13, 20, 34, 25, 21, 20, 20, 22, 26, 27, 22, 16, 17,
                      15, 14, 14, 11),
    "Europe/London": (8, 9, 7, 6, 5, 7, 11, 15, 17, 15, 13, 13, 17, 21, 22, 19, 14, 12, 11, 10,
                      8, 6, 5, 6),
    "America/New_York": (8, 9, 11, 13, 12, 11, 11, 12, 16, 26, 24, 20, 17, 16, 18, 22, 9, 6, 7, 8,
                         9, 9, 8, 8),
}  # fmt: skip
"""Usual range by local hour: DAX in Berlin, currencies in London, US indices in New York."""
_SHAPE_OF = {"index_xetra": "Europe/Berlin", "index_us": "America/New_York"}
_BURSTS = (
    ("Europe/Berlin", 9 * 60, 1.0),
    ("Europe/London", 8 * 60, 0.6),
    ("America/New_York", 8 * 60 + 30, 0.9),
    ("America/New_York", 9 * 60 + 30, 0.8),
)
"""Openings and news hours: minute of the local day, extra volatility, gone in ten minutes."""


def make_sample(instrument: Instrument, year: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make a calendar year (UTC) of M1 bars with spreads and tick volume.

    Parameters
    ----------
    rng
        The only source of chance: the same state gives the same bars.

    Notes
    -----
    Each minute is a path of six steps. Volatility = shape of the day × a slow and a fast
    wandering factor × a fat-tailed draw per minute, and rare shocks that die away in half an
    hour. A passing component pulls prices back within minutes: it makes the wicks, sweeps and
    reclaims that real order flow has.
    """
    start, end = (datetime(y, 1, 1, tzinfo=UTC) for y in (year, year + 1))
    opens = expected_opens(instrument.calendar, Timeframe.M1, start, end)
    opens = opens[rng.random(len(opens)) > 0.002]  # noqa: PLR2004 (minutes without a tick)
    shape = _day_shape(opens, instrument.calendar)
    sigma = _SIGMA[instrument.calendar] * shape * _wandering(opens, rng) * _shocks(opens, rng)
    path = _paths(opens, sigma, instrument, rng)
    tick = instrument.tick_size
    prices = np.round(np.maximum(np.round(path / tick), 1.0) * tick, instrument.digits)
    table = np.column_stack([prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1]])
    moved = (table[:, 1] - table[:, 2]) / (table[:, 3] * _SIGMA[instrument.calendar])
    volume = 1.0 + rng.poisson(40.0 * shape + 25.0 * np.minimum(moved, 50.0))
    times = pd.DatetimeIndex(opens.astype("datetime64[s]")).tz_localize("UTC")
    return bar_frame(times, Timeframe.M1, table, volume, _spreads(opens, instrument, rng))


def _local_minute(opens: np.ndarray, zone: str) -> np.ndarray:
    """Return the minute of the local day at each open."""
    minute: np.ndarray = (wall_clock(opens, zone) % _DAY) // 60
    return minute


def _day_shape(opens: np.ndarray, calendar: str) -> np.ndarray:
    """Return the usual volatility at each open, with mean 1."""
    zone = _SHAPE_OF.get(calendar, "Europe/London")
    hourly = np.array(_SHAPES[zone], dtype="float64")
    middles = np.arange(-1, 25) * 60.0 + 30.0
    wrapped = np.concatenate([hourly[-1:], hourly, hourly[:1]])
    shape = np.interp(_local_minute(opens, zone), middles, wrapped)
    for burst_zone, minute, extra in _BURSTS:
        since = _local_minute(opens, burst_zone) - minute
        shape = shape * (1.0 + extra * np.exp(-np.maximum(since, 0) / 10.0) * (since >= 0))
    scaled: np.ndarray = shape / shape.mean()
    return scaled


def _wandering(opens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a positive factor that wanders: slowly over weeks, faster over hours."""
    days = int(opens[-1] - opens[0]) // _DAY + 2
    slow = _autoregression(rng.normal(size=days), 0.93) * 0.30
    blocks = len(opens) // _BLOCK + 1
    fast = _autoregression(rng.normal(size=blocks), 0.90) * 0.35
    day = (opens - opens[0]) // _DAY
    factor: np.ndarray = np.exp(slow[day] + np.repeat(fast, _BLOCK)[: len(opens)])
    return factor


def _autoregression(noise: np.ndarray, memory: float) -> np.ndarray:
    """Return an AR(1) series of unit variance."""
    out = np.empty(len(noise))
    scale, last = np.sqrt(1.0 - memory**2), 0.0
    for i, drawn in enumerate(noise.tolist()):
        last = memory * last + scale * drawn
        out[i] = last
    return out


def _shocks(opens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a factor ≥ 1: rare news that multiplies volatility and dies away in half an hour."""
    hit = np.where(rng.random(len(opens)) < 0.0004, rng.uniform(1.5, 6.0, len(opens)), 0.0)  # noqa: PLR2004
    dying = np.exp(-np.arange(60) / 12.0)
    factor: np.ndarray = 1.0 + np.convolve(hit, dying)[: len(opens)]
    return factor


def _paths(
    opens: np.ndarray, sigma: np.ndarray, instrument: Instrument, rng: np.random.Generator
) -> np.ndarray:
    """Return unrounded prices, shape (n, steps)."""
    n = len(opens)
    tails = np.sqrt(4.0 / rng.chisquare(5.0, n))
    moves = rng.standard_normal((n, _STEPS)) * (sigma * tails)[:, None] * _SHARES
    passing = rng.standard_normal((n, _STEPS)) * sigma[:, None] * 0.45
    passing[:, 0] = 0.0
    pull = np.exp(-np.arange(60) / 15.0)
    hole = np.diff(opens, prepend=opens[0] - 60) > 30 * 60
    night = sigma.mean() * _NIGHT[instrument.calendar]
    moves[hole, 0] += rng.standard_normal(int(hole.sum())) * night
    lasting = np.cumsum(moves.ravel()) + _leaning_back(moves.ravel())
    fleeting = np.convolve(passing.ravel(), pull)[: n * _STEPS] * 0.35
    start = _START.get(instrument.symbol, 100.0)
    prices: np.ndarray = start * np.exp(lasting + fleeting).reshape(n, _STEPS)
    return prices


def _leaning_back(moves: np.ndarray) -> np.ndarray:
    """Keep the year's drift within lifelike bounds: take out most of the straight line."""
    total = float(moves.sum())
    kept = float(np.clip(total, -0.12, 0.12))
    line: np.ndarray = np.linspace(0.0, kept - total, len(moves))
    return line


def _spreads(opens: np.ndarray, instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Return ask − bid in price units: the instrument's table by hour, with noise, in ticks."""
    usual = np.asarray(instrument.spread_points)[(opens // _HOUR) % 24] * instrument.point
    drawn = usual * np.exp(rng.normal(0.0, 0.12, len(opens)))
    ticks = np.maximum(np.round(drawn / instrument.tick_size), 1.0)
    spread: np.ndarray = np.round(ticks * instrument.tick_size, instrument.digits)
    return spread
