"""Wall clocks and UTC: the words for zones, and conversion both ways for whole columns."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import BadBarsError, BadRequestError

_HOUR = 3600

_PLACES = {
    "new york": "America/New_York",
    "ny": "America/New_York",
    "london": "Europe/London",
    "berlin": "Europe/Berlin",
    "frankfurt": "Europe/Berlin",
    "cet": "Europe/Berlin",
    "athens": "Europe/Athens",
    "eet": "Europe/Athens",
    "tokyo": "Asia/Tokyo",
    "chicago": "America/Chicago",
    "moscow": "Europe/Moscow",
    "gmt": "UTC",
    "utc": "UTC",
    "z": "UTC",
    "est": "UTC-5",
}


EXAMPLES = ("New York+7", "UTC", "UTC+3", "Europe/Berlin", "London-5")


def parse_zone(text: str) -> str:
    """Return the house's word for a zone people write: "ny+7", "EET", "UTC+3", "Asia/Dubai".

    Raises
    ------
    BadRequestError
        Nobody knows the zone.
    """
    found = re.fullmatch(r"(.*?)\s*(?:([+-])\s*(\d{1,2})(?::?00)?\s*h?)?", text.strip())
    place, sign, digits = found.groups() if found else (text, None, None)
    base = _PLACES.get(place.lower().replace("_", " "), place)
    shift = int(f"{sign}{digits}") if digits else 0
    if base.startswith("UTC"):
        shift, base = shift + int(base[3:] or 0), "UTC"
    _check_zone(base, shift, text)
    word = f"{base}{shift:+d}" if shift else base
    return {"America/New_York+7": "New York+7", "Europe/London-5": "London-5"}.get(word, word)


def _check_zone(base: str, shift: int, text: str) -> None:
    try:
        ZoneInfo(base)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        shift = 99
    if abs(shift) > 14:  # noqa: PLR2004 (no clock on earth is further from UTC)
        raise BadRequestError(
            f"unknown time zone {text!r}: say e.g. New York+7, UTC+3, Europe/Berlin",
            field="zone",
            value=text,
            closest=EXAMPLES,
        )


def to_utc(wall: np.ndarray, zone: str) -> np.ndarray:
    """Convert wall-clock stamps to UTC.

    Parameters
    ----------
    wall
        int64 seconds: the wall clock written as if it were epoch seconds.
    zone
        A word of `parse_zone`: "UTC", "UTC+3", an IANA name, or one of these with a shift
        ("New York+7" reads seven hours more than New York's clock).

    Raises
    ------
    BadBarsError
        A stamp lies in the hour that the zone skips in spring.

    Notes
    -----
    The hour that comes twice in autumn is taken as summer time. Only markets open on Sunday
    mornings (crypto) have bars in it; a wall clock can't hold both runs of them.
    """
    hours, of_hour = by_hour(wall)
    utc, missing = convert_hours(hours, zone)
    if missing.any():
        stamp = pd.Timestamp(int(hours[missing][0]), unit="s")
        raise BadBarsError(
            f"{stamp:%Y-%m-%d %H:%M} doesn't exist in {zone} (clocks went forward): "
            "the file has another time zone"
        )
    out: np.ndarray = wall - hours[of_hour] + utc[of_hour]
    return out


def convert_hours(hours: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return UTC of whole wall-clock hours, and which of them don't exist in the zone."""
    base, shift = _split(zone)
    moved = hours - shift * _HOUR
    if base == "UTC":
        return moved, np.zeros(len(hours), dtype=bool)
    naive = pd.DatetimeIndex(moved.astype("datetime64[s]"))
    flags = np.ones(len(naive), dtype=bool)
    local = naive.tz_localize(base, ambiguous=flags, nonexistent="NaT")
    missing = np.asarray(local.isna())
    filled = naive.tz_localize(base, ambiguous=flags, nonexistent="shift_forward")
    return epoch_seconds(filled.tz_convert("UTC")), missing


def _split(zone: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+?)([+-]\d+)?", parse_zone(zone))
    base, shift = found.groups() if found else (zone, None)
    return _PLACES.get(base.lower(), base), int(shift or 0)


def from_utc(utc: np.ndarray, zone: str) -> np.ndarray:
    """Return the wall-clock seconds a zone shows at UTC epoch seconds; undoes `to_utc`."""
    base, shift = _split(zone)
    wall: np.ndarray = wall_clock(utc, base) + shift * _HOUR
    return wall


def by_hour(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the whole hours of stamps, runs of one hour only once, and each stamp's place.

    Zones change by the hour, so what holds for `hours` holds for `hours[place]`; a year of
    minutes has 6,000 hours to convert instead of 370,000 stamps.
    """
    hours = seconds - seconds % _HOUR
    first = np.diff(hours, prepend=hours[:1] - 1) != 0
    return hours[first], np.cumsum(first) - 1


def wall_clock(utc: np.ndarray, zone: str) -> np.ndarray:
    """Return the wall clock of an IANA zone, written as epoch seconds, at UTC epoch seconds."""
    hours, of_hour = by_hour(utc)
    index = pd.DatetimeIndex(hours.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone)
    wall: np.ndarray = utc - hours[of_hour] + epoch_seconds(index.tz_localize(None))[of_hour]
    return wall
