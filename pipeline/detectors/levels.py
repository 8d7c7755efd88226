"""Prices that a trading day inherits: the high and low of the last day and of the last week."""

from dataclasses import dataclass

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
from pipeline.detectors.trading_days import (
    ALWAYS_OPEN,
    SATURDAY,
    WEEK,
    TradingDays,
    iso_dates,
    trading_days,
)
from pipeline.detectors.windows import DAY_MINUTES, DST_SLACK, bars_in, utc_times, window_extremes
from pipeline.domain.bars import TIME_DTYPE, BarTable, bar_seconds
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import Instrument, Timeframe

WORDS = ("formed", "incomplete")
FORMED, INCOMPLETE = range(2)
RANGE_EXTRAS = {
    "day": "str",
    "coverage": "float64",
    "mid": "float64",
    "end": TIME_DTYPE,
    "level_name": "str",
}


class PreviousDayParameters(Parameters):
    """Parameters of `previous_day`."""

    min_coverage: float = Field(
        default=0.5, gt=0, le=1, description="share of 24 hours of bars that a day needs to count"
    )
    max_back: int = Field(
        default=5, ge=1, le=20, description="trading days back until one that counts"
    )


class PreviousWeekParameters(Parameters):
    """Parameters of `previous_week`."""

    min_coverage: float = Field(
        default=0.5, gt=0, le=1, description="share of its days' hours that a week needs to count"
    )
    max_back: int = Field(default=2, ge=1, le=10, description="weeks back until one that counts")


def previous_day(
    bars: BarTable,
    parameters: PreviousDayParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,
    timeframe: Timeframe,
) -> Events:
    """Return for each trading day the high and low of the last one before it that counts.

    A trading day runs from 17:00 to 17:00 New York and has the date it ends on. The event says
    which range is in force on `day`: it is known at the first bar that closes at or after the
    day's start, which is `end`. So it serves the raid detector as levels.

    Notes
    -----
    `formed` carries the range; `incomplete` (none of the last `max_back` trading days counts)
    carries NaN prices, and the coverage of the day just before. Days with fewer than
    `min_coverage` of the bars that 24 hours hold don't count: Sundays' stubs, half holidays,
    outages. Nor does a day that began before the first bar held. Saturdays and Sundays are
    trading days only where the calendar is crypto's. `zone_id` is the date of the range, as
    days since 1970: the same range in force on two days is one zone, said twice.

    Warning
    -------
    Bars of the cash hours alone (8.5 of 24 hours) never count with the default coverage.
    """
    days = trading_days(bars)
    traded = days.traded(instrument)
    whole = DAY_MINUTES / timeframe.minutes
    periods = _Periods(traded, traded + 1, whole, "PDL/PDH")
    return _in_force(bars, days, traded, periods, (parameters.min_coverage, parameters.max_back))


def previous_week(
    bars: BarTable,
    parameters: PreviousWeekParameters,
    inputs: Inputs,  # noqa: ARG001
    instrument: Instrument,
    timeframe: Timeframe,
) -> Events:
    """Return for each trading day the high and low of the last week before its own that counts.

    A week runs from Sunday 17:00 to Sunday 17:00 New York. Events, columns and rules are those
    of `previous_day`: one event a trading day, so that a raid can watch the levels each day.

    Notes
    -----
    A week counts with `min_coverage` of the bars that its five (crypto: seven) days hold.
    `zone_id` is the date of its Monday, the same on all days that the range is in force.
    """
    days = trading_days(bars)
    traded = days.traded(instrument)
    open_days = WEEK if instrument.calendar == ALWAYS_OPEN else SATURDAY
    whole = open_days * DAY_MINUTES / timeframe.minutes
    periods = _Periods(*days.weeks(), whole, "PWL/PWH")
    return _in_force(bars, days, traded, periods, (parameters.min_coverage, parameters.max_back))


@dataclass(frozen=True)
class _Periods:
    """Ranges that days inherit: rows of days [first, behind), bars of a whole one, name."""

    first: np.ndarray
    behind: np.ndarray
    whole: float
    name: str


def _in_force(
    bars: BarTable,
    days: TradingDays,
    traded: np.ndarray,
    periods: _Periods,
    rules: tuple[float, int],
) -> Events:
    known = np.searchsorted(bar_seconds(bars, "close_time"), days.windows.start[traded])
    # A bar that closes several days' starts (after a holiday) speaks of the last one alone.
    speaks = (known < len(bars)) & (known != np.append(known[1:], -1))
    today, known = traded[speaks], known[speaks]
    if len(today) == 0:
        return empty_events(**RANGE_EXTRAS)
    coverage, chosen, before = _last_that_counts(bars, days, today, periods, rules)
    first, behind = _rows(days, periods)
    top, bottom = window_extremes(column(bars, "high"), column(bars, "low"), first, behind)
    unknown = np.full(len(today), np.nan)
    low, high = _of(chosen, bottom, unknown), _of(chosen, top, unknown)
    values = {
        "side": np.zeros(len(today), dtype="int64"),
        "start": _of(chosen, first, known),
        "price_low": low,
        "price_high": high,
        "zone_id": _of(chosen, days.label[periods.first], np.full(len(today), -1)),
        "day": iso_dates(days.label[today]),
        "coverage": _of(chosen, coverage, _of(before, coverage, np.zeros(len(today)))),
        "mid": (low + high) / 2,
        "end": utc_times(days.windows.start[today]),
        "level_name": np.full(len(today), periods.name),
    }
    return events_at(bars, known, (WORDS, np.where(chosen < 0, INCOMPLETE, FORMED)), values)


def _of(period: np.ndarray, values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Return each day's value of its period; `otherwise` where the period is −1."""
    out = otherwise.copy()
    out[period >= 0] = values[period[period >= 0]]
    return out


def _rows(days: TradingDays, periods: _Periods) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of bars [first, behind) of each period; the last may be cut."""
    return days.first[periods.first], days.behind[periods.behind - 1]


def _last_that_counts(
    bars: BarTable,
    days: TradingDays,
    today: np.ndarray,
    periods: _Periods,
    rules: tuple[float, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each period's coverage, and for each day the period in force and the one before.

    −1 where there is none.
    """
    min_coverage, max_back = rules
    first, behind = _rows(days, periods)
    coverage = (behind - first) / periods.whole
    begun = days.windows.start[periods.first] >= bar_seconds(bars, "open_time")[0]
    counts = begun & (behind > first) & (coverage >= min_coverage)
    latest = np.maximum.accumulate(np.where(counts, np.arange(len(counts)), -1))
    before = np.maximum(np.searchsorted(periods.first, today, side="right") - 2, -1)
    chosen = _of(before, latest, before)
    return coverage, np.where(before + 1 - chosen <= max_back, chosen, -1), before


def _day_warm_up(parameters: PreviousDayParameters, timeframe: Timeframe) -> int:
    return bars_in((parameters.max_back + 1) * DAY_MINUTES + DST_SLACK, timeframe) + 1


def _week_warm_up(parameters: PreviousWeekParameters, timeframe: Timeframe) -> int:
    weeks = parameters.max_back + 1
    return bars_in(weeks * WEEK * DAY_MINUTES + DST_SLACK, timeframe) + 1


register(
    Detector(
        name="previous_day",
        title="Previous day's high and low",
        gives=WORDS,
        inputs=(),
        parameters=PreviousDayParameters,
        output="events",
        warm_up=_day_warm_up,
        detect=previous_day,
        source="traders' PDH and PDL, day by the FX roll at 17:00 New York",
    )
)
register(
    Detector(
        name="previous_week",
        title="Previous week's high and low",
        gives=WORDS,
        inputs=(),
        parameters=PreviousWeekParameters,
        output="events",
        warm_up=_week_warm_up,
        detect=previous_week,
        source="traders' PWH and PWL, week from Sunday 17:00 New York",
    )
)
