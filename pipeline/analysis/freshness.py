"""How old the newest bar is, and whether that is too old for a market that is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from pipeline.data.calendar import expected_opens
from pipeline.domain.market import Instrument, Timeframe

_LATE = timedelta(minutes=10)
_LONG = timedelta(days=10)
_MISSING = 2
_HOURS_FROM, _DAYS_FROM = 120, 48 * 60


@dataclass(frozen=True)
class Freshness:
    """Age of the newest bar. `stale`: bars that the market has made since are not at hand."""

    minutes: float
    stale: bool
    market_open: bool


def freshness(
    newest: datetime, now: datetime, instrument: Instrument, timeframe: Timeframe
) -> Freshness:
    """Return how fresh a close is at `now`, by the hours that the instrument's market keeps."""
    age = now - newest
    since = max(newest, now - _LONG)
    opens = expected_opens(instrument.calendar, timeframe, since, now)
    closed = opens[opens + timeframe.minutes * 60 <= now.timestamp()]
    running = bool(len(opens)) and bool(np.any(opens + timeframe.minutes * 60 > now.timestamp()))
    stale = age > _LONG or (age > timeframe.delta + _LATE and len(closed) >= _MISSING)
    return Freshness(round(age.total_seconds() / 60, 2), stale, running)


def age_words(minutes: float) -> str:
    """Return an age as people say it: `4 minutes`, `3 hours`, `12 days`."""
    if minutes < 1:
        return "less than a minute"
    number, unit = minutes, "minute"
    if minutes >= _DAYS_FROM:
        number, unit = minutes / (24 * 60), "day"
    elif minutes >= _HOURS_FROM:
        number, unit = minutes / 60, "hour"
    whole = int(number)
    return f"{whole:,} {unit}{'' if whole == 1 else 's'}"
