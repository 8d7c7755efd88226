"""Made-up bars for tests: seeded random walks on real market hours, and Hypothesis strategies."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe

EURUSD = Instrument(
    symbol="EURUSD",
    title="Euro / US dollar",
    point=1e-4,
    tick_size=1e-5,
    digits=5,
    point_value=10.0,
    currency="USD",
    spread_points=(0.6,) * 20 + (2.0,) * 4,
    slippage_points=0.1,
    cash_session="london",
    calendar="fx",
    source="made up for tests",
)
GER40 = Instrument(
    symbol="GER40",
    title="DAX 40",
    point=1.0,
    tick_size=0.1,
    digits=1,
    point_value=1.0,
    currency="EUR",
    spread_points=(4.0,) * 7 + (1.5,) * 13 + (4.0,) * 4,
    slippage_points=1.0,
    cash_session="xetra",
    calendar="index_xetra",
    source="made up for tests",
)
SPRING = datetime(2025, 3, 9, 21, tzinfo=UTC)
"""A Sunday night; three weeks later both the US and the EU have changed their clocks."""
AUTUMN = datetime(2025, 10, 19, 21, tzinfo=UTC)

_START_PRICE = {"EURUSD": 1.1, "GER40": 22_000.0}


def market_times(
    n: int, timeframe: Timeframe, start: datetime, instrument: Instrument
) -> pd.DatetimeIndex:
    """Return n open times from `start` on, without weekends (and nights, for an index)."""
    per_day = max(1, 1440 // timeframe.minutes)
    span = n * 2 + per_day * 7
    times = pd.date_range(start, periods=span, freq=timeframe.delta, tz="UTC")
    new_york = times.tz_convert("America/New_York") + timedelta(hours=7)  # its day ends at 17:00
    is_open = new_york.day_of_week < 5
    if instrument.calendar != "fx" and timeframe.minutes < 240:
        hour = times.tz_convert("Europe/Berlin").hour
        is_open &= (hour >= 1) & (hour < 22)
    return times[is_open][:n]


def random_bars(
    rng: np.random.Generator,
    n: int,
    timeframe: Timeframe = Timeframe.M5,
    start: datetime = SPRING,
    instrument: Instrument = EURUSD,
    *,
    missing: float = 0.01,
    holes: int = 2,
    coarse: int = 10,
    spread: bool = False,
) -> pd.DataFrame:
    """Return n bars of a random walk on the instrument's market hours.

    Parameters
    ----------
    missing
        Share of bars that are absent here and there.
    holes
        Number of outages of up to 60 bars.
    coarse
        Prices lie on a grid of so many ticks: the coarser, the more ties and flat bars.
    spread
        Give the bars a spread of their own, with some NaN.
    """
    times = market_times(int(n * (1 + 2 * missing)) + holes * 60 + 5, timeframe, start, instrument)
    keep = rng.random(len(times)) >= missing
    for first in rng.integers(0, len(times), size=holes):
        keep[first : first + int(rng.integers(2, 60))] = False
    times = times[keep][:n]
    n = len(times)
    grid = instrument.tick_size * coarse
    step = 4.0 * np.sqrt(timeframe.minutes / 5)
    price = round(_START_PRICE.get(instrument.symbol, 100.0) / grid)
    moves = np.rint(rng.normal(0, step, n) * rng.choice([0.3, 1.0, 2.5], n)).astype("int64")
    jumps = np.where(rng.random(n) < 0.15, np.rint(rng.normal(0, step, n)), 0).astype("int64")
    close = price + np.cumsum(moves + jumps)
    opened = close - moves
    high = np.maximum(opened, close) + rng.poisson(step / 2, n)
    low = np.minimum(opened, close) - rng.poisson(step / 2, n)
    ticks = np.column_stack([opened, high, low, close])
    ticks += max(0, 1 - int(ticks.min(initial=1)))  # prices stay positive
    prices = np.round(ticks * grid, instrument.digits)
    own = None
    if spread:
        own = np.where(rng.random(n) < 0.1, np.nan, rng.exponential(instrument.point, n))
    return bar_frame(times, timeframe, prices, rng.poisson(50, n).astype("float64"), own)


@st.composite
def bar_frames(
    draw: st.DrawFn, *, max_size: int = 600, instrument: Instrument | None = None
) -> tuple[pd.DataFrame, Timeframe, Instrument]:
    """Draw (bars, timeframe, instrument): a random walk of any size, frame, season and grid."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = instrument or draw(st.sampled_from([EURUSD, GER40]))
    timeframe = draw(st.sampled_from([Timeframe.M5, Timeframe.M15, Timeframe.M1, Timeframe.H1]))
    start = draw(st.sampled_from([SPRING, AUTUMN])) + timedelta(hours=draw(st.integers(0, 400)))
    bars = random_bars(
        rng,
        draw(st.integers(0, max_size)),
        timeframe,
        start,
        chosen,
        missing=draw(st.sampled_from([0.0, 0.01, 0.1])),
        holes=draw(st.integers(0, 3)),
        coarse=draw(st.sampled_from([1, 10, 50])),
        spread=draw(st.booleans()),
    )
    return bars, timeframe, chosen


@st.composite
def tiny_bars(draw: st.DrawFn, *, max_size: int = 25) -> pd.DataFrame:
    """Draw a few M5 bars on small whole prices: full of ties, flat bars and gaps; holes too."""
    four = st.lists(st.integers(1, 12), min_size=4, max_size=4)
    rows = draw(st.lists(four, max_size=max_size))
    prices = np.array(
        [[o, max(o, h, x, c), min(o, h, x, c), c] for o, h, x, c in rows], dtype="float64"
    )
    pauses = draw(
        st.lists(
            st.sampled_from([0, 0, 0, 0, 1, 5, 6, 7, 60]), min_size=len(rows), max_size=len(rows)
        )
    )
    offsets = np.cumsum(np.array(pauses, dtype="int64") + 1)
    times = pd.DatetimeIndex(
        pd.Timestamp("2025-03-10T07:00Z") + pd.to_timedelta(offsets * 5, unit="min")
    )
    return bar_frame(times, Timeframe.M5, prices.reshape(-1, 4))
