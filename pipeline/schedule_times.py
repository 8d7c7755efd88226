"""When a schedule is due: cron lines on the wall clock of a zone, and plain intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pipeline.domain.errors import BadRequestError
from pipeline.domain.schedule import Schedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
EXAMPLE = "30 22 * * mon-fri"
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12))
_LONGEST = 366 * 8 + 3
"""Days in which a line that is ever due is due: a 29th of February may be eight years off."""


@dataclass(frozen=True)
class Cron:
    """A cron line, read. Weekdays count from 0, Monday.

    `any_day` and `any_weekday` tell whether that field was a star: if neither was, a day fits when
    one of the two does, as in every crontab. `any_hour` likewise; see `times_of_day`.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_hour: bool
    any_day: bool
    any_weekday: bool

    def fits(self, day: date) -> bool:
        """Tell whether it is due on that day."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.weekday() in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def times_of_day(self, day: date, zone: ZoneInfo) -> list[datetime]:
        """Return the moments of a day that fits, UTC, oldest first.

        Notes
        -----
        Where the clock is put forward over a time, it comes once, as much later (02:30 is 03:30 in
        Berlin in March); where the clock is put back over it, it comes the first time only. A line
        whose hour is a star counts hours as they pass instead: each real hour has its own.
        """
        folds = (0, 1) if self.any_hour else (0,)
        moments = {
            datetime.combine(day, time(hour, minute, fold=fold), zone).astimezone(UTC)
            for hour in self.hours
            for minute in self.minutes
            for fold in folds
        }
        if (
            self.any_hour
        ):  # with fold 1 a time that doesn't exist comes out as one of the day before
            moments = {m for m in moments if m.astimezone(zone).date() == day}
        return sorted(moments)

    @property
    def spelled(self) -> str:
        """The same in numbers and commas, weekdays from 0, Sunday: read alike by every cron."""
        fields = (
            _spelled(self.minutes, 60),
            "*" if self.any_hour else _spelled(self.hours, 25),
            "*" if self.any_day else _spelled(self.days, 32),
            _spelled(self.months, 12),
            "*" if self.any_weekday else _spelled([(day + 1) % 7 for day in self.weekdays], 8),
        )
        return " ".join(fields)


@lru_cache(maxsize=256)
def parse_cron(line: str) -> Cron:
    """Read five words: minute, hour, day, month, weekday; weekdays as names.

    Raises
    ------
    BadRequestError
        Naming the word that is wrong, and what would have been right.
    """
    words = line.split()
    if len(words) != len(_FIELDS) + 1:
        raise _wrong(f"{line!r} has {len(words)} words; a cron line has five", line)
    minutes, hours, days, months = (
        _numbers(word, name, low, high, MONTHS if name == "month" else ())
        for word, (name, low, high) in zip(words[:4], _FIELDS, strict=True)
    )
    if any(letter.isdigit() for letter in words[4].partition("/")[0]):
        raise _wrong(
            f"{words[4]!r}: write weekdays as words, like sun or mon-fri (0 is Sunday for some, "
            "Monday for others)", line,
        )  # fmt: skip
    weekdays = _numbers(words[4], "weekday", 0, 6, DAYS)
    found = Cron(
        tuple(sorted(minutes)), tuple(sorted(hours)), frozenset(days), frozenset(months),
        frozenset(weekdays), words[1] == "*", words[2] == "*", words[4] == "*",
    )  # fmt: skip
    if next(_days(found, date(2023, 3, 1), 1), None) is None:
        raise _wrong(f"{line!r} is never due", line)
    return found


def next_times(schedule: Schedule, after: datetime, count: int = 1) -> list[datetime]:
    """Return the next times later than `after`, UTC."""
    if schedule.cron is None:
        first, step = _counted(schedule, after)
        return [first + n * step for n in range(1, count + 1)]
    cron, zone = parse_cron(schedule.cron), ZoneInfo(schedule.zone)
    found: list[datetime] = []
    for day in _days(cron, after.astimezone(zone).date() - timedelta(days=1), 1):
        found += [moment for moment in cron.times_of_day(day, zone) if moment > after]
        # A time put forward over midnight may come out after the next day's first.
        if len(found) > count + len(cron.hours) * len(cron.minutes):
            break
    return sorted(set(found))[:count]


def times_between(
    schedule: Schedule, after: datetime, until: datetime, most: int
) -> list[datetime]:
    """Return the times later than `after` and not later than `until`, UTC: the newest `most`."""
    if schedule.cron is None:
        last, step = _counted(schedule, until)
        times = [last - n * step for n in range(most)]
        return sorted(t for t in times if after < t and t > schedule.created_at)
    cron, zone = parse_cron(schedule.cron), ZoneInfo(schedule.zone)
    first = after.astimezone(zone).date() - timedelta(days=1)
    found: set[datetime] = set()
    for day in _days(cron, until.astimezone(zone).date(), -1):
        if day < first or len(found) > most + len(cron.hours) * len(cron.minutes):
            break
        found |= {moment for moment in cron.times_of_day(day, zone) if after < moment <= until}
    return sorted(found)[-most:]


def _counted(schedule: Schedule, moment: datetime) -> tuple[datetime, timedelta]:
    """Return an interval's newest time (at least its beginning) not after it, and its step."""
    step = timedelta(minutes=schedule.interval_minutes or 1)
    passed = max(0, (moment - schedule.created_at) // step)
    return schedule.created_at + passed * step, step


def _days(cron: Cron, start: date, step: int) -> Iterator[date]:
    """Give the days that fit, from `start` on in one direction, as far as one may be off."""
    for n in range(_LONGEST):
        day = start + timedelta(days=n * step)
        if cron.fits(day):
            yield day


def _numbers(word: str, field: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    found: set[int] = set()
    for part in word.lower().split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        ends = (low, high) if span == "*" else (
            _number(first, field, low, high, names),
            _number(last if dash else first, field, low, high, names),
        )  # fmt: skip
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise _wrong(f"{part!r} in the {field} has no step after the slash", word)
        if slash and span != "*" and not dash:
            ends = (ends[0], high)
        if ends[0] > ends[1]:
            raise _wrong(f"{part!r} in the {field} ends before it begins", word)
        found |= set(range(ends[0], ends[1] + 1, int(step) if slash else 1))
    return found


def _number(word: str, field: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if word[:3] in names and word[:3] == word:
        return names.index(word) + low
    if word.isascii() and word.isdigit() and low <= int(word) <= high and names is not DAYS:
        return int(word)
    valid = f"{names[0]} to {names[-1]}" if names else f"{low} to {high}"
    raise _wrong(f"{word!r} is no {field}: {valid}, or *", word)


def _wrong(text: str, value: str) -> BadRequestError:
    return BadRequestError(
        f'{text}. Write it like "{EXAMPLE}".', field="cron", value=value, closest=(EXAMPLE,)
    )  # fmt: skip


def _spelled(numbers: "tuple[int, ...] | frozenset[int] | list[int]", every: int) -> str:
    return "*" if len(numbers) == every else ",".join(str(n) for n in sorted(numbers))
