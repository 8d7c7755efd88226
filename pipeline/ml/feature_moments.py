"""The moments that features count from: the day's roll, the cash open, the last Asian session."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from pipeline.detectors.trading_days import ROLL, ROLL_ZONE
from pipeline.domain.market import SESSIONS, Session

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_BACK = 5
"""Days looked back for a session: a weekend with a holiday on either side."""


@dataclass(frozen=True)
class Span:
    """A stretch of time, [start, end), in seconds since 1970 UTC."""

    start: int
    end: int


def roll_days(known_at: datetime, days: int) -> list[Span]:
    """Return trading days by the roll at 17:00 New York, newest first: that of a close, and back.

    A close at the roll itself belongs to the day that it ends.
    """
    local = (known_at - _TICK).astimezone(ZoneInfo(ROLL_ZONE))
    ends = local.date() if local.time() < ROLL else local.date() + _DAY
    rolls = [_roll(ends - back * _DAY) for back in range(days + 1)]
    return [Span(start, end) for end, start in pairwise(rolls)]


def _roll(day: date) -> int:
    moment = datetime.combine(day, ROLL, ZoneInfo(ROLL_ZONE))
    return int(moment.timestamp())


def session_on(session: Session, day: date) -> Span:
    """Return a session that starts on a local date."""
    zone = ZoneInfo(session.zone)
    last = day + _DAY if session.end <= session.start else day
    start, end = (
        datetime.combine(day, session.start, zone), datetime.combine(last, session.end, zone)
    )  # fmt: skip
    return Span(int(start.timestamp()), int(end.timestamp()))


def cash_session(name: str, known_at: datetime) -> Span:
    """Return a session of the local date of a close; it may lie ahead of it."""
    session = SESSIONS[name]
    return session_on(session, (known_at - _TICK).astimezone(ZoneInfo(session.zone)).date())


def asian_sessions(known_at: datetime) -> list[Span]:
    """Return the newest Asian sessions that were over by a close, newest first."""
    session = SESSIONS["asia"]
    today = known_at.astimezone(ZoneInfo(session.zone)).date()
    spans = [session_on(session, today - back * _DAY) for back in range(_BACK + 1)]
    return [span for span in spans if span.end <= known_at.timestamp()]
