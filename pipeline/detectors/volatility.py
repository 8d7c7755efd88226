"""How much the market moves: the average true range and the average daily range."""

import numpy as np
from numba import njit
from pydantic import Field

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    after_hole,
    column,
    register,
)
from pipeline.detectors.trading_days import ROLL, ROLL_ZONE
from pipeline.detectors.windows import (
    DAY_MINUTES,
    bars_in,
    local_windows,
    window_extremes,
)
from pipeline.domain.bars import BarTable, bar_seconds
from pipeline.domain.market import Instrument, Timeframe

WILDER_MEMORY = 30
"""Lengths after which what came before weighs (1 − 1/n)^(30 n) ≈ e^−30 ≈ 1e−13: nothing."""

SPARE_DAYS = 5
"""Days the look-back allows for stubs that don't count and for the two days that are cut."""


class AtrParameters(Parameters):
    """Parameters of `atr`."""

    length: int = Field(default=14, ge=1, le=200, description="bars of Wilder's average")


@njit(cache=True)
def _wilder(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, hole: np.ndarray, length: int
) -> np.ndarray:
    out = np.full(len(high), np.nan)
    total = 0.0
    for i in range(len(high)):
        reach = high[i] - low[i]
        if i > 0 and not hole[i]:
            reach = max(high[i], close[i - 1]) - min(low[i], close[i - 1])
        if i < length:
            total += reach
            if i == length - 1:
                out[i] = total / length
        else:
            out[i] = (out[i - 1] * (length - 1) + reach) / length
    return out


def atr(
    bars: BarTable,
    parameters: AtrParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,  # noqa: ARG001
) -> np.ndarray:
    """Return Wilder's average true range at each bar's close, in price units.

    Notes
    -----
    NaN for the first `length` − 1 bars; the first value is the plain mean of `length` true
    ranges. The true range of a bar after a hole of 30 minutes or more is its own high − low:
    a night's or weekend's jump is no range that could have been traded, and would inflate the
    morning.
    """
    if len(bars) == 0:
        return np.empty(0)
    prices = (column(bars, name) for name in ("high", "low", "close"))
    return np.asarray(_wilder(*prices, after_hole(bars), parameters.length))


class AdrParameters(Parameters):
    """Parameters of `adr`."""

    days: int = Field(default=20, ge=1, le=250, description="completed trading days averaged")
    min_coverage: float = Field(
        default=0.5, ge=0, le=1, description="share of 24 hours of bars that a day needs to count"
    )


def adr(
    bars: BarTable,
    parameters: AdrParameters,
    inputs: Inputs,  # noqa: ARG001
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,
) -> np.ndarray:
    """Return the mean high − low of the last completed trading days, in price units.

    Notes
    -----
    A trading day runs from 17:00 to 17:00 New York and is completed at its end, so the value
    changes once a day. NaN until `days` days have counted. Days with fewer than
    `min_coverage` of the bars that 24 hours hold (Sundays' stubs, half holidays, the first
    day of a file) don't count.

    Warning
    -------
    Bars of the cash hours alone (8.5 of 24 hours) never count with the default coverage.
    """
    windows = local_windows(bars, ROLL_ZONE, ROLL, ROLL)
    opened, closed = bar_seconds(bars, "open_time"), bar_seconds(bars, "close_time")
    first, last = np.searchsorted(opened, windows.start), np.searchsorted(opened, windows.end)
    enough = last - first >= parameters.min_coverage * DAY_MINUTES / timeframe.minutes
    counts = enough & (last > first)
    out = np.full(len(bars), np.nan)
    if counts.sum() < parameters.days:
        return out
    top, bottom = window_extremes(
        column(bars, "high"), column(bars, "low"), first[counts], last[counts]
    )
    means = np.lib.stride_tricks.sliding_window_view(top - bottom, parameters.days).mean(axis=1)
    done = np.searchsorted(windows.end[counts], closed, side="right") - parameters.days
    out[done >= 0] = means[done[done >= 0]]
    return out


def _atr_warm_up(parameters: AtrParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return WILDER_MEMORY * parameters.length + 1


def _adr_warm_up(parameters: AdrParameters, timeframe: Timeframe) -> int:
    return (parameters.days + SPARE_DAYS) * bars_in(DAY_MINUTES, timeframe)


register(
    Detector(
        name="atr",
        title="Average true range",
        gives=(),
        inputs=(),
        parameters=AtrParameters,
        output="series",
        warm_up=_atr_warm_up,
        detect=atr,
        source="J. Welles Wilder, New Concepts in Technical Trading Systems (1978), ch. 3; "
        "without the jump across a closed market",
    )
)
register(
    Detector(
        name="adr",
        title="Average daily range",
        gives=(),
        inputs=(),
        parameters=AdrParameters,
        output="series",
        warm_up=_adr_warm_up,
        detect=adr,
        source="traders' ADR(20), day by the FX roll at 17:00 New York",
    )
)
