"""A chat's clock: quiet hours, weekends, moments of its day, whatever its zone's clock does."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.domain.watch import Quiet

_MINUTE = timedelta(minutes=1)
_QUARTER = timedelta(minutes=15)
_SATURDAY = 5


def clock_of(words: str) -> time:
    """Return the time that "HH:MM" says; anything else raises ValueError."""
    return time.fromisoformat(words)


def is_quiet(quiet: Quiet, zone: str, moment: datetime) -> bool:
    """Tell whether the zone's clock shows a time in [start, end) at that moment.

    An end before the start lies on the next day. Equal ones are no hours at all. An hour that
    the clock shows twice is judged both times, one that it skips never comes.
    """
    start, end = clock_of(quiet.start), clock_of(quiet.end)
    shown = moment.astimezone(ZoneInfo(zone)).time()
    return start <= shown < end if start <= end else shown >= start or shown < end


def quiet_until(quiet: Quiet, zone: str, moment: datetime) -> datetime:
    """Return the first moment from that one on that is not quiet (UTC).

    Notes
    -----
    Zones move their clocks on quarter hours of UTC only, so between two of them the clock runs
    evenly and can't leave the quiet hours unseen.
    """
    step = moment.astimezone(UTC)
    while is_quiet(quiet, zone, step):
        begun = step.replace(minute=step.minute - step.minute % 15, second=0, microsecond=0)
        step = min(begun + _QUARTER, step + _left(quiet, zone, step))
    return step


def _left(quiet: Quiet, zone: str, moment: datetime) -> timedelta:
    """Return how long the clock needs to the end of the quiet hours if nobody moves it."""
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    end = datetime.combine(wall.date(), clock_of(quiet.end))
    return (end if end > wall else end + timedelta(days=1)) - wall


def is_weekend(zone: str, moment: datetime) -> bool:
    """Tell whether it is Saturday or Sunday by the zone's clock."""
    return moment.astimezone(ZoneInfo(zone)).weekday() >= _SATURDAY


def day_bounds(zone: str, moment: datetime) -> tuple[datetime, datetime]:
    """Return begin and end of the zone's day that holds the moment (UTC): 23 to 25 hours."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    return moment_of(zone, today, time()), moment_of(zone, today + timedelta(days=1), time())


def moment_of(zone: str, day: date, clock: time) -> datetime:
    """Return the first moment at which the zone's clock shows that time of that day, or later.

    UTC. Of a time that comes twice it is the first; for one that is skipped, the moment of the
    skip. Seconds don't count.
    """
    wall = datetime.combine(day, clock.replace(second=0, microsecond=0))
    readings = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    step = min(reading.astimezone(UTC) for reading in readings)
    while step.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wall:
        step += _MINUTE
    return step


__all__ = [
    "clock_of", "day_bounds", "is_quiet", "is_weekend", "moment_of", "quiet_until",
]  # fmt: skip
