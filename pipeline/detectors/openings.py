"""Opening prices that traders keep as levels: of the day, the week, and New York's midnight."""

from datetime import time
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    column,
    events_at,
    register,
)
from pipeline.detectors.trading_days import ROLL_ZONE, WEEK, is_traded, iso_dates, trading_days
from pipeline.detectors.windows import DAY_MINUTES, local_windows, utc_times
from pipeline.domain.bars import TIME_DTYPE, BarTable, bar_seconds
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import Instrument, Timeframe

WORDS = ("formed", "incomplete")
FORMED, INCOMPLETE = range(2)
EXTRAS = {"day": "str", "end": TIME_DTYPE, "level_name": "str"}
NAMES = {"day": "day open", "week": "week open", "new_york_midnight": "NY midnight"}
LATE_MINUTES = {"day": 240, "week": 240, "new_york_midnight": 60}
"""Minutes after its time that an opening price may come: an index opens hours after the roll."""


class OpenParameters(Parameters):
    """Parameters of `opening_price`."""

    of: Literal["day", "week", "new_york_midnight"] = Field(
        default="day", description="the trading day, the trading week, or 00:00 New York"
    )
    max_late_minutes: int | None = Field(
        default=None,
        ge=0,
        le=WEEK * DAY_MINUTES,
        description="minutes after that time in which the first bar must open; empty: 60 for the "
        "midnight, 240 for day and week",
    )


def opening_price(
    bars: BarTable,
    parameters: OpenParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return the first price of each trading day, trading week or New York day, as a level.

    The open of the first bar that opens at or after 17:00 New York, Sunday 17:00 New York or
    00:00 New York; known at that bar's close. `end` is that time, `day` the date it opens.

    Notes
    -----
    `incomplete` with NaN prices if the first bar opens more than `max_late_minutes` later: what
    it opens at is another hour's price then. Without a bar before the next such time, and for
    the one before the first bar held, there is no event; nor on a Saturday or Sunday, unless
    the calendar is crypto's. `zone_id` is the date as days since
    1970.
    """
    start, behind, label = _openings(bars, parameters.of, instrument)
    opened = bar_seconds(bars, "open_time")
    first = np.searchsorted(opened, start)
    begun = start >= (opened[0] if len(opened) else 0)
    rows = np.flatnonzero((first < np.searchsorted(opened, behind)) & begun)
    if len(rows) == 0:
        return empty_events(**EXTRAS)
    first, start, label = first[rows], start[rows], label[rows]
    late = parameters.max_late_minutes
    patience = 60 * (LATE_MINUTES[parameters.of] if late is None else late)
    in_time = opened[first] - start <= patience
    price = np.where(in_time, column(bars, "open")[first], np.nan)
    values = {
        "side": np.zeros(len(rows), dtype="int64"),
        "start": first,
        "price_low": price,
        "price_high": price.copy(),
        "zone_id": label,
        "day": iso_dates(label),
        "end": utc_times(start),
        "level_name": np.full(len(rows), NAMES[parameters.of]),
    }
    return events_at(bars, first, (WORDS, np.where(in_time, FORMED, INCOMPLETE)), values)


def _openings(
    bars: BarTable, of: str, instrument: Instrument
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times of the openings, where each one's search ends, and their dates."""
    if of == "new_york_midnight":
        windows = local_windows(bars, ROLL_ZONE, time(0), time(0))
        label = windows.day.astype("int64")
        rows = np.flatnonzero(is_traded(label, instrument))
        return windows.start[rows], windows.end[rows], label[rows]
    days = trading_days(bars)
    if of == "week":
        rows, behind = days.weeks()
        return days.windows.start[rows], days.windows.end[behind - 1], days.label[rows]
    rows = days.traded(instrument)
    return days.windows.start[rows], days.windows.end[rows], days.label[rows]


def _open_warm_up(parameters: OpenParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return 2


register(
    Detector(
        name="opening_price",
        title="Opening price of the day, the week or New York's midnight",
        gives=WORDS,
        inputs=(),
        parameters=OpenParameters,
        output="events",
        warm_up=_open_warm_up,
        detect=opening_price,
        source="M. J. Huddleston (ICT): true day open at 00:00 New York; FX day and week opens",
    )
)
