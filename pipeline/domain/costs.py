"""What the spread is at a bar: one rule for signals, fills and reports."""

import numpy as np

from pipeline.domain.bars import BarTable, bar_seconds, float_column
from pipeline.domain.market import Instrument


def spread_prices(
    bars: BarTable, instrument: Instrument, spread_points: float | None = None
) -> np.ndarray:
    """Return ask − bid in price units for each bar.

    Parameters
    ----------
    bars
        A bar frame.
    spread_points
        Points that override everything; None takes the bar's own spread where it has one,
        else the instrument's typical spread for the bar's opening hour in UTC.

    Returns
    -------
    float64 array, shape (len(bars),), finite, ≥ 0.
    """
    if spread_points is not None:
        return np.full(len(bars), spread_points * instrument.point)
    hours = (bar_seconds(bars, "open_time") // 3600) % 24
    table = np.asarray(instrument.spread_points)[hours] * instrument.point
    own = float_column(bars, "spread")
    return np.asarray(np.where(np.isnan(own), table, own))
