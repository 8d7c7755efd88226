"""A time of the week on the wall clock of a zone, and the moments at which it comes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.domain.errors import BadRequestError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EXAMPLE = "weekly_sunday_03:00"
_WORD = re.compile(r"weekly_([a-z]+)_([0-1]\d|2[0-3]):([0-5]\d)", re.IGNORECASE | re.ASCII)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class WeeklyTime:
    """A weekday (0 is Monday) and a time of day."""

    weekday: int
    at: time

    @classmethod
    def parse(cls, word: str) -> "WeeklyTime":
        """Read `weekly_sunday_03:00`.

        Raises
        ------
        BadRequestError
            It is none, with one that is.
        """
        found = _WORD.fullmatch(word.strip())
        if found is None or found[1].lower() not in DAYS:
            raise BadRequestError(
                f"{word!r} is no schedule; write it like {EXAMPLE}, or off.",
                field="schedule", value=word, closest=(EXAMPLE, "off"),
            )  # fmt: skip
        return cls(DAYS.index(found[1].lower()), time(int(found[2]), int(found[3])))

    @property
    def word(self) -> str:
        """How it is written."""
        return f"weekly_{DAYS[self.weekday]}_{self.at:%H:%M}"

    @property
    def day(self) -> str:
        """The weekday's name."""
        return DAYS[self.weekday]

    def last(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return the newest moment at which it came, UTC, not after `now`.

        Notes
        -----
        Where the clock is put forward over it, it comes when that is done (so 03:00 is 04:00 in
        Athens in March); where the clock is put back over it, it comes the first time only.
        """
        local = now.astimezone(zone)
        day = local.date() - timedelta(days=(local.weekday() - self.weekday) % 7)
        for back in (day, day - _WEEK):
            moment = datetime.combine(back, self.at, zone).astimezone(UTC)
            if moment <= now:
                return moment
        raise AssertionError("two weeks hold it once")
