"""Reference ranges of the clock: a session's high and low, and the initial balance."""

from datetime import date, datetime, timedelta

import numpy as np
from pydantic import Field, field_validator

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    column,
    events_at,
    register,
)
from pipeline.detectors.windows import (
    DST_SLACK,
    bars_in,
    local_windows,
    utc_times,
    window_extremes,
    window_minutes,
)
from pipeline.domain.bars import TIME_DTYPE, BarTable, bar_seconds
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import SESSIONS, Instrument, Session, Timeframe

WORDS = ("formed", "incomplete")
EXTRAS = {
    "day": "str",
    "coverage": "float64",
    "mid": "float64",
    "end": TIME_DTYPE,
    "session": "str",
}


def _known_session(name: str) -> str:
    if name not in SESSIONS:
        raise ValueError(f"no session {name!r}; known: {', '.join(SESSIONS)}")
    return name


class SessionParameters(Parameters):
    """Parameters of `session_range`."""

    session: str = Field(default="frankfurt", description="name of a session")
    min_coverage: float = Field(
        default=0.9, gt=0, le=1, description="share of the window's bars that must be there"
    )

    @field_validator("session")
    @classmethod
    def _known(cls, name: str) -> str:
        return _known_session(name)


class InitialBalanceParameters(Parameters):
    """Parameters of `initial_balance`."""

    minutes: int = Field(default=60, ge=1, le=480, description="minutes from the session's open")
    session: str | None = Field(
        default=None, description="name of a session; empty: the instrument's cash session"
    )
    min_coverage: float = Field(
        default=0.9, gt=0, le=1, description="share of the window's bars that must be there"
    )

    @field_validator("session")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else _known_session(name)


def session_range(
    bars: BarTable,
    parameters: SessionParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,
) -> Events:
    """Return one event per day of a session: its high and low, known at its end.

    Notes
    -----
    `formed` carries the range; `incomplete` (fewer than `min_coverage` of the bars that the
    window holds) carries NaN prices, so that it can't be used as a level by mistake. A day
    without a single bar in the window (weekend, holiday) gives no event. The event's bar is
    the first that closes at or after the session's end; only bars that lie wholly inside the
    window count: bars longer than the window never form it.
    """
    return _ranges(bars, SESSIONS[parameters.session], parameters.min_coverage, timeframe)


def initial_balance(
    bars: BarTable,
    parameters: InitialBalanceParameters,
    inputs: Inputs,  # noqa: ARG001
    instrument: Instrument,
    timeframe: Timeframe,
) -> Events:
    """Return one event per day: the range of the first minutes of the cash session.

    Notes
    -----
    Events, columns and rules are those of `session_range`. GER40: 09:00–10:00 Berlin; EURUSD:
    08:00–09:00 London.
    """
    session = SESSIONS[parameters.session or instrument.cash_session]
    opening = datetime.combine(date(2000, 1, 3), session.start)
    window = Session(
        session.name,
        session.zone,
        session.start,
        (opening + timedelta(minutes=parameters.minutes)).time(),
    )
    return _ranges(bars, window, parameters.min_coverage, timeframe)


def _ranges(bars: BarTable, session: Session, min_coverage: float, timeframe: Timeframe) -> Events:
    windows = local_windows(bars, session.zone, session.start, session.end)
    opened, closed = bar_seconds(bars, "open_time"), bar_seconds(bars, "close_time")
    first = np.searchsorted(opened, windows.start)
    last = np.searchsorted(closed, windows.end, side="right")
    known = np.searchsorted(closed, windows.end)
    rows = np.flatnonzero((last > first) & (known < len(bars)))
    if len(rows) == 0:
        return empty_events(**EXTRAS)
    first, last, known = first[rows], last[rows], known[rows]
    expected = (windows.end[rows] - windows.start[rows]) / (timeframe.minutes * 60)
    coverage = (last - first) / expected
    complete = coverage >= min_coverage
    high, low = window_extremes(column(bars, "high"), column(bars, "low"), first, last)
    high, low = np.where(complete, high, np.nan), np.where(complete, low, np.nan)
    values = {
        "side": np.zeros(len(rows), dtype="int64"),
        "start": first,
        "price_low": low,
        "price_high": high,
        "zone_id": windows.day[rows].astype("int64"),
        "day": windows.iso_day[rows],
        "coverage": coverage,
        "mid": (high + low) / 2,
        "end": utc_times(windows.end[rows]),
        "session": np.full(len(rows), session.name),
    }
    return events_at(bars, known, (WORDS, np.where(complete, 0, 1)), values)


def _session_warm_up(parameters: SessionParameters, timeframe: Timeframe) -> int:
    session = SESSIONS[parameters.session]
    return bars_in(window_minutes(session.start, session.end) + DST_SLACK, timeframe) + 1


def _balance_warm_up(parameters: InitialBalanceParameters, timeframe: Timeframe) -> int:
    return bars_in(parameters.minutes + DST_SLACK, timeframe) + 1


register(
    Detector(
        name="session_range",
        title="Session's high and low",
        gives=WORDS,
        inputs=(),
        parameters=SessionParameters,
        output="events",
        warm_up=_session_warm_up,
        detect=session_range,
        source="exchange and FX session hours by local wall clock",
    )
)
register(
    Detector(
        name="initial_balance",
        title="Initial balance",
        gives=WORDS,
        inputs=(),
        parameters=InitialBalanceParameters,
        output="events",
        warm_up=_balance_warm_up,
        detect=initial_balance,
        source="J. P. Steidlmayer, CBOT Market Profile (1985): the range of the first hour",
    )
)
