"""Reads what a person typed after /schedule: a command in quotes, when, and a few options."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pipeline.command_words import closest_words
from pipeline.domain.errors import BadRequestError
from pipeline.domain.schedule import NAME
from pipeline.schedule_times import DAYS, parse_cron

EXAMPLE = '/schedule "/backtest Frank_raid_v1 GER40 M5 last 30d" every weekday 22:30'
TIMES = (
    "every weekday 22:30", "daily 07:00", "every monday 03:00", "every 15 minutes",
    "every 4 hours", 'cron "30 22 * * mon-fri"',
)  # fmt: skip
NIGHTLY = '"/batch last 30d" every weekday 22:30 name=nightly'
"""What `/schedule nightly` stands for: every setup on every symbol that is held."""
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‘’‚‛′", "'"))
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | {"\u00a0": " ", "\u202f": " "})
_PAYLOAD = re.compile(r"""^\s*(?:"([^"]*)"|'([^']*)')""")
_BARE = re.compile(r"^\s*(/.*?)\s+(?=(?:every|daily|cron)\b)", re.IGNORECASE | re.DOTALL)
_CRON = re.compile(r"""\bcron\s*(?:"([^"]*)"|'([^']*)'|((?:\S+\s+){4}\S+))""", re.IGNORECASE)
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)", re.ASCII)
_EVERY = re.compile(r"every (?:(\d{1,5}) )?(minute|min|hour|h|day)s?", re.IGNORECASE | re.ASCII)
_UNITS = {"minute": 1, "min": 1, "hour": 60, "h": 60, "day": 1440}
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OPTIONS = ("name", "zone", "overlap", "catch_up")
_CHOICES = {"overlap": ("skip", "queue"), "catch_up": ("none", "last", "all")}


@dataclass(frozen=True)
class ScheduleWish:
    """What was typed; None: left to the default."""

    text: str
    cron: str | None = None
    interval_minutes: int | None = None
    zone: str | None = None
    name: str | None = None
    overlap: Literal["skip", "queue"] = "skip"
    catch_up: Literal["none", "last", "all"] = "last"


def parse_schedule(text: str) -> ScheduleWish:
    """Return the schedule that `text` asks for; quotes may be curly, and may be left out.

    The command in it is not looked into: START's rules for it are asked when it is made.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    plain = re.sub(r"^\s*/schedules?(@\w+)?(?=\s|$)", "", text.translate(_QUOTES), count=1)
    plain = plain.translate(_DASHES).strip()
    if plain.lower() == "nightly":
        plain = NIGHTLY
    found = _PAYLOAD.match(plain) or _BARE.match(plain)
    command = next((group for group in found.groups() if group), "") if found else ""
    if found is None or not command.strip():
        raise BadRequestError(
            "Say first what is to be asked, in quotes, then when.", field="command",
            value=plain[:60] or None, closest=(EXAMPLE, "/schedule nightly"), corrected=EXAMPLE,
        )  # fmt: skip
    rest, options = _options(plain[found.end() :])
    command = command.strip() if command.strip().startswith("/") else f"/{command.strip()}"
    return ScheduleWish(text=command, **parse_times(rest), **options)


def parse_times(text: str) -> dict[str, Any]:
    """Read `every weekday 22:30`, `every 15 minutes`, `cron "…"` into the fields of a schedule.

    Raises
    ------
    BadRequestError
        They can't be read, with some that can.
    """
    cron = _CRON.fullmatch(text.strip())
    if cron is not None:
        line = " ".join(next(group for group in cron.groups() if group is not None).split())
        parse_cron(line)
        return {"cron": line.lower()}
    words = " ".join(text.lower().replace(" at ", " ").split())
    every = _EVERY.fullmatch(words)
    if every is not None and not (every[1] is None and every[2] == "day"):
        minutes = int(every[1] or 1) * _UNITS[every[2]]
        if not 1 <= minutes <= 527_040:  # noqa: PLR2004  (a leap year)
            raise _no_times(text)
        return {"interval_minutes": minutes}
    days, _, clock = words.rpartition(" ")
    at = _CLOCK.fullmatch(clock)
    weekdays = _weekdays(days.removeprefix("every ").strip())
    if at is None or weekdays is None:
        raise _no_times(text)
    return {"cron": f"{int(at[2])} {int(at[1])} * * {weekdays}"}


def times_words(cron: str | None, interval_minutes: int | None) -> str:
    """Return a schedule's times as a person would write them."""
    if cron is None:
        minutes = interval_minutes or 1
        for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
            if minutes % size == 0:
                count = minutes // size
                return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    minute, hour, day, month, weekday = (cron or "").split()
    if not (minute.isdigit() and hour.isdigit() and (day, month) == ("*", "*")):
        return f'cron "{cron}"'
    clock = f"{int(hour):02}:{int(minute):02}"
    if weekday in ("*", "mon-fri"):
        return f"daily {clock}" if weekday == "*" else f"every weekday {clock}"
    return f"every {weekday} {clock}"


def _weekdays(words: str) -> str | None:
    """Return the days as cron writes them, or None."""
    if words in ("daily", "day"):
        return "*"
    if words in ("weekday", "weekdays"):
        return "mon-fri"
    if words in ("weekend", "weekends"):
        return "sat,sun"
    found = []
    for word in re.split(r"[ ,]+|\band\b", words):
        if not word:
            continue
        short = word.removesuffix("s")[:3]
        if short not in DAYS or word.removesuffix("s") not in (short, _LONG[DAYS.index(short)]):
            return None
        found.append(short)
    return ",".join(sorted(set(found), key=DAYS.index)) or None


def _options(text: str) -> tuple[str, dict[str, Any]]:
    """Return the words that are no options, and the options."""
    said: dict[str, Any] = {}
    for name, value in re.findall(r"(?:^|\s)-{0,2}([A-Za-z_-]+)=(\S+)", text):
        key = name.lower().replace("-", "_")
        key = {"timezone": "zone", "tz": "zone", "catchup": "catch_up"}.get(key, key)
        said[key] = _option(key, value)
    return re.sub(r"(?:^|\s)-{0,2}[A-Za-z_-]+=\S+", " ", text).strip(), said


def _option(key: str, value: str) -> str:
    if key not in _OPTIONS:
        near = closest_words(key, _OPTIONS) or _OPTIONS
        raise BadRequestError(
            f"/schedule has no option {key!r}; it takes {', '.join(_OPTIONS)}.",
            field="option", value=f"{key}={value}", closest=tuple(f"{n}={value}" for n in near),
        )  # fmt: skip
    if key in _CHOICES and value.lower() not in _CHOICES[key]:
        raise BadRequestError(
            f"{key} is {' or '.join(_CHOICES[key])}, not {value!r}.", field=key, value=value,
            closest=tuple(f"{key}={choice}" for choice in _CHOICES[key]),
        )  # fmt: skip
    if key == "name" and not re.fullmatch(NAME, value):
        raise BadRequestError(
            "A name has letters, digits, dots, dashes and underscores, 60 at most.",
            field="name", value=value, closest=("name=nightly",),
        )  # fmt: skip
    if key == "zone":
        return known_zone(value)
    return value if key == "name" else value.lower()


def known_zone(word: str) -> str:
    """Return an IANA zone as it is spelled.

    Raises
    ------
    BadRequestError
        There is none of that name, with the nearest.
    """
    zones = {zone.lower(): zone for zone in available_timezones()}
    found = zones.get(word.lower())
    if found is None:
        near = closest_words(word, tuple(zones.values())) or ("Europe/Berlin", "UTC")
        raise BadRequestError(
            f"{word!r} is no time zone.", field="zone", value=word,
            closest=tuple(f"zone={zone}" for zone in near),
        )  # fmt: skip
    return ZoneInfo(found).key


def _no_times(text: str) -> BadRequestError:
    said = text.strip()
    return BadRequestError(
        f"When? {said!r} can't be read." if said else "Say when, behind the command.",
        field="times", value=said or None, closest=TIMES,
    )  # fmt: skip
