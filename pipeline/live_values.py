"""The values behind /live as people write them: clock times, whiles, shares, zones, pairs."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pipeline.command_words import closest_words
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import ZONES
from pipeline.live.wishes import MuteFor

COMMAND: Final = "/live"
OFF: Final = frozenset({"off", "none", "no", "never"})
_CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.h]?(\d{2}))?")
_WHILE: Final = re.compile(r"(\d{1,4})(m|min|h|d|w)")
_SECONDS: Final = {"m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AREAS: Final = ("Africa", "America", "Asia", "Australia", "Europe", "Pacific")


def clock_word(word: str) -> str | None:
    """Return HH:MM of "7", "7:30", "0730" or "24:00", or None if it is no time of the day."""
    found = _CLOCK.fullmatch(word.strip())
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if (hour, minute) == (24, 0):
        hour = 0
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None  # noqa: PLR2004


def mute_for(text: str) -> MuteFor:
    """Return how long "1h", "30m", "2d", "today" or "forever" is."""
    word = text.lower().replace(" ", "")
    if word == "today":
        return "today"
    if word == "forever":
        return "forever"
    found = _WHILE.fullmatch(word)
    if found is None or int(found[1]) == 0:
        raise refusal("mute", text, f"{text!r} is no time to mute for", ("1h", "today", "forever"))
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def zone_of(word: str) -> str:
    """Return the IANA zone that a word names, by its whole name or its city's, in any case."""
    by_key = {zone.lower(): zone for zone in ZONES}
    cities = {zone.rsplit("/", 1)[-1].lower(): zone for zone in sorted(ZONES, key=_fame)}
    zone = by_key.get(word.lower()) or cities.get(word.lower())
    if zone is None:
        near = closest_words(word, sorted({*cities, *by_key})) if word else ()
        named = tuple(dict.fromkeys(by_key.get(n) or cities[n] for n in near))
        raise refusal(
            "zone", word, f"unknown time zone {word!r}", named or ("Europe/Berlin", "UTC")
        )
    return zone


def _fame(zone: str) -> tuple[bool, str]:
    """Order zones so that of two with one city's name the better known comes last."""
    return zone.split("/", 1)[0] in _AREAS, zone


def number(word: str) -> float | None:
    """Return the number that a word writes, with a point or a comma; None if it writes none."""
    found = re.fullmatch(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)", word.strip())
    return float(found[0].replace(",", ".")) if found else None


def share(field: str, name: str, value: str) -> float:
    """Return 0.6 of "0.6", "0,6" or "60%"."""
    given = number(value.removesuffix("%"))
    found = given / 100 if given is not None and value.endswith("%") else given
    if found is None or not 0 <= found <= 1:
        near = "0.7" if found is None else "1" if found > 1 else "0"
        text = f"{name}={value}: it takes a number from 0 to 1"
        raise refusal(field, f"{name}={value}", text, (f"{name}={near}",))
    return found


def pairs(words: Sequence[str], example: str) -> list[tuple[str, str]]:
    """Return names and values of `name=value` words, in small letters; at least one is needed."""
    if not words:
        raise refusal("live", "", f"say what, for example {example}", (example,))
    found = []
    for word in listed(words):
        name, sign, value = word.lower().partition("=")
        if not (name and sign and value):
            raise refusal("live", word, f"{word!r} is no name=value", (example,))
        found.append((name, value))
    return found


def each(names: Sequence[str], *values: str) -> tuple[str, ...]:
    """Return `name=value` for all."""
    return tuple(f"{name}={value}" for name in names for value in values)


def listed(words: Sequence[str]) -> list[str]:
    """Return words with those that are joined by commas taken apart; 0,6 stays one number."""
    parts = (re.split(r",(?!\d)|;", word) for word in words)
    return [part for found in parts for part in found if part]


def once(words: Sequence[str]) -> tuple[str, ...]:
    """Return each word once, in order."""
    return tuple(dict.fromkeys(words))


def no_more(words: Sequence[str]) -> None:
    """Refuse words that nothing is known to do with."""
    if words:
        raise refusal("live", words[0], f"{words[0]!r} is one word too many", ())


def refusal(field: str, value: str, text: str, closest: tuple[str, ...]) -> BadRequestError:
    """Return an error with the field, the value and what would have been right."""
    hint = f"; did you mean {closest[0]}?" if closest else "."
    return BadRequestError(f"{text}{hint}", field=field, value=value, closest=closest)


def corrected(words: Sequence[str], error: BadRequestError) -> str:
    """Return the command with the wrong words replaced by the closest right ones."""
    wrong, right = (error.value or "").split(), list(error.closest[:1])
    rest = list(words)
    for n in range(len(rest)):
        if wrong and [w.lower() for w in rest[n : n + len(wrong)]] == [w.lower() for w in wrong]:
            return " ".join([COMMAND, *rest[:n], *right, *rest[n + len(wrong) :]])
    return "" if wrong else " ".join([COMMAND, *rest, *right])
