"""Ranges that are still being made: a session's high, low or middle so far."""

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field, field_validator

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    column,
    register,
)
from pipeline.detectors.windows import DST_SLACK, bars_in, local_windows, window_minutes
from pipeline.domain.bars import BarTable, bar_seconds
from pipeline.domain.market import SESSIONS, Instrument, Timeframe


class DevelopingParameters(Parameters):
    """Parameters of `developing_range`."""

    session: str = Field(default="frankfurt", description="name of a session")
    edge: Literal["high", "low", "mid"] = Field(
        default="high", description="which price of the range so far; mid: halfway between"
    )

    @field_validator("session")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in SESSIONS:
            raise ValueError(f"no session {name!r}; known: {', '.join(SESSIONS)}")
        return name


def developing_range(
    bars: BarTable,
    parameters: DevelopingParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,  # noqa: ARG001
) -> np.ndarray:
    """Return an edge of a session's range as far as it goes at each bar's close, in price.

    Notes
    -----
    Only bars that lie wholly inside the window count. NaN outside the window: from its end on
    the range is final and `session_range` gives it as a level. NaN too in a session that began
    before the first bar held, as its extreme may be among the bars that are not. Missing bars
    inside are not looked for: whether the range is complete is known at its end alone.
    """
    if len(bars) == 0:
        return np.empty(0)
    session = SESSIONS[parameters.session]
    windows = local_windows(bars, session.zone, session.start, session.end)
    opened, closed = bar_seconds(bars, "open_time"), bar_seconds(bars, "close_time")
    window = np.searchsorted(windows.start, opened, side="right") - 1
    inside = (closed <= windows.end[window]) & (windows.start[window] >= opened[0])
    top, bottom = _so_far(column(bars, "high"), column(bars, "low"), np.where(inside, window, -1))
    if parameters.edge == "high":
        return np.asarray(top)
    return np.asarray(bottom if parameters.edge == "low" else (top + bottom) / 2)


@njit(cache=True)
def _so_far(
    high: np.ndarray, low: np.ndarray, window: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the running extremes of each window; NaN where the window is −1."""
    top, bottom = np.full(len(high), np.nan), np.full(len(high), np.nan)
    for i in range(len(high)):
        if window[i] < 0:
            continue
        goes_on = i > 0 and window[i] == window[i - 1]
        top[i] = max(top[i - 1], high[i]) if goes_on else high[i]
        bottom[i] = min(bottom[i - 1], low[i]) if goes_on else low[i]
    return top, bottom


def _warm_up(parameters: DevelopingParameters, timeframe: Timeframe) -> int:
    session = SESSIONS[parameters.session]
    return bars_in(window_minutes(session.start, session.end) + DST_SLACK, timeframe) + 1


register(
    Detector(
        name="developing_range",
        title="Session's range so far",
        gives=(),
        inputs=(),
        parameters=DevelopingParameters,
        output="series",
        warm_up=_warm_up,
        detect=developing_range,
        source="exchange and FX session hours by local wall clock",
        pauses=True,
    )
)
