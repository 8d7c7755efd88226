"""Weeks of a chat: when they begin and end, and which one a person asks for."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LIVE
from pipeline.live.wall_clock import moment_of

ENDS_AT: Final = time(18)
"""When a week ends, on Sunday by the chat's clock; the next begins then."""

EXAMPLES: Final = ("/week", "/week last", "/week 2025-03-10", "/week live_2025_03_10_001")
_WEEK = timedelta(days=7)
_REPLAY = re.compile(r"live_\d{4}_\d{2}_\d{2}_\d{3,}")
_ALWAYS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class WeekRequest:
    """The signals of an origin known in [start, end), UTC; of a replay all of them."""

    origin: str
    start: datetime
    end: datetime

    @property
    def is_replay(self) -> bool:
        """Whether a replay is asked for instead of a week."""
        return self.origin != LIVE


def week_of(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """Return begin and end (UTC) of the week that holds a moment, Sunday 18:00 to Sunday 18:00."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    sunday = today + timedelta(days=6 - today.weekday())
    if moment >= _ends(sunday, zone):
        sunday += _WEEK
    return _ends(sunday - _WEEK, zone), _ends(sunday, zone)


def week_ended(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """Return begin and end (UTC) of the last week that was over at a moment."""
    start, _ = week_of(moment, zone)
    return week_of(start - timedelta(minutes=1), zone)


def parse_week(words: str, zone: str, now: datetime) -> WeekRequest:
    """Return what `/week` asks for: nothing (this week), `last`, a day, or a replay's run id.

    Raises
    ------
    BadRequestError
        It is none of them.
    """
    word = words.strip().lower()
    if _REPLAY.fullmatch(word):
        return WeekRequest(word, *_ALWAYS)
    if word == "":
        return WeekRequest(LIVE, *week_of(now, zone))
    if word == "last":
        return WeekRequest(LIVE, *week_ended(now, zone))
    try:
        day = date.fromisoformat(word)
    except ValueError:
        said = words.strip()[:40]
        raise BadRequestError(
            f"{said!r} is no week: say last, a day like 2025-03-10, or the id of a replay.",
            field="period", value=said, closest=("last",), corrected=EXAMPLES[1],
        ) from None  # fmt: skip
    return WeekRequest(LIVE, *week_of(moment_of(zone, day, time(12)), zone))


def _ends(sunday: date, zone: str) -> datetime:
    return moment_of(zone, sunday, ENDS_AT)
