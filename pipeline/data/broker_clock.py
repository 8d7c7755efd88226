"""A broker's clock: its stamps into UTC and back, which zone it keeps, whether to believe it.

MetaTrader stamps bars and ticks with the broker's wall clock written as epoch seconds, mostly New
York + 7 h, some by Europe's summer time. The two differ for three weeks in spring and one in
autumn, so a shift that is right today proves no zone: old bars and live ticks must both agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.data.clocks import SURE_LEAD, SURE_SCORE, ClockGuess, ZoneScore
from pipeline.data.zones import by_hour, convert_hours, from_utc

BELIEVED = 60.0
"""Seconds by which the broker's clock may differ from ours and still be believed."""
NARROW = 120.0
"""Looks further apart than these seconds prove nothing."""
_HOUR, _HALF_HOUR, _MINUTE = 3600, 1800, 60


@dataclass(frozen=True)
class WallTimes:
    """UTC epoch seconds of wall-clock stamps; `doubtful` marks those that can't be told.

    Doubtful are both runs of the hour that comes twice in autumn (given as summer time) and the
    hour that is skipped in spring, which no bar of that zone can carry.
    """

    utc: np.ndarray
    doubtful: np.ndarray


def to_utc_marked(wall: np.ndarray, zone: str) -> WallTimes:
    """Convert a broker's stamps (int64 wall-clock seconds, sorted) to UTC; see `WallTimes`.

    Parameters
    ----------
    zone
        A word of `zones.parse_zone`: "New York+7", "Europe/Athens", "UTC+3" …
    """
    hours, of_hour = by_hour(wall)
    utc, skipped = convert_hours(hours, zone)
    repeated = from_utc(utc + _HOUR, zone) == hours
    return WallTimes(wall - hours[of_hour] + utc[of_hour], (skipped | repeated)[of_hour])


def to_wall(utc: float, zone: str) -> int:
    """Return the whole seconds that a broker's clock shows at UTC epoch seconds."""
    return int(from_utc(np.array([int(utc // 1)], dtype="int64"), zone)[0])


def repeats_hour(utc: float, zone: str) -> bool:
    """Tell whether the broker's clock shows this hour twice today."""
    wall = np.array([to_wall(utc, zone)], dtype="int64")
    return bool(to_utc_marked(wall, zone).doubtful[0])


@dataclass(frozen=True)
class Look:
    """One look at the newest ticks: the wall-clock seconds of each symbol's.

    It took from `began` to `ended` by our clock, UTC epoch seconds.
    """

    began: float
    ended: float
    ticks: Mapping[str, float]


@dataclass(frozen=True)
class Ahead:
    """The broker's wall clock minus our UTC lies between these seconds."""

    low: float
    high: float

    def beyond(self, shift: float) -> "Ahead":
        """Return what is left when a zone's shift is taken off."""
        return Ahead(self.low - shift, self.high - shift)

    def holds(self, seconds: float, within: float = BELIEVED) -> bool:
        """Tell whether `seconds` may be it, give or take `within`."""
        return self.low - within <= seconds <= self.high + within

    @property
    def middle(self) -> float:
        """The likeliest value."""
        return (self.low + self.high) / 2


def moved(before: Look, after: Look) -> bool:
    """Tell whether any tick is newer in the second look."""
    return any(t > before.ticks.get(name, t) for name, t in after.ticks.items())


def measure(before: Look, after: Look) -> Ahead | None:
    """Return how far the broker's clock is ahead, from ticks that came between two looks.

    A tick that is new in the second look came between the two, so its stamp bounds the broker's
    clock from both sides; the newest counts, as a tick may come late but not early. None: nothing
    moved, or the looks are too far apart to prove anything.
    """
    if after.ended - before.began > NARROW or not moved(before, after):
        return None
    newest = max(t for name, t in after.ticks.items() if t > before.ticks.get(name, t))
    return Ahead(newest - after.ended, newest - before.began)


def shift_of(zone: str, utc: float) -> int:
    """Return by how many seconds a zone's clock is ahead of UTC at a moment."""
    return to_wall(utc, zone) - int(utc // 1)


def doubt_of(ahead: Ahead, zone: str, utc: float) -> str:
    """Say in words for people why a zone can't be the broker's, or our clock is wrong; "": it can.

    Parameters
    ----------
    utc
        Our clock, epoch seconds.
    """
    left = ahead.beyond(shift_of(zone, utc))
    if left.holds(0.0):
        return ""
    halves = round(left.middle / _HALF_HOUR)
    if halves and left.holds(halves * _HALF_HOUR):
        more = "later" if halves > 0 else "earlier"
        return (
            f"The broker's prices carry times {abs(halves) / 2:g} h {more} than {zone} says, "
            "so one of the broker's time zone and this computer's clock is wrong."
        )
    return (
        f"This computer's clock and the broker's are {_span(left.middle)} apart: "
        "let this computer set its clock from the internet."
    )


def _span(seconds: float) -> str:
    whole = round(abs(seconds))
    return f"{whole} s" if whole < 2 * _MINUTE else f"{whole // _MINUTE} min"


@dataclass(frozen=True)
class ZoneChoice:
    """The broker's zone as far as it can be told (None: not at all), and why that is doubtful."""

    zone: str | None
    doubt: str = ""


def choose_zone(guess: ClockGuess | None, ahead: Ahead | None, utc: float) -> ZoneChoice:
    """Choose the zone that fits both the weeks of old bars and the ticks of this minute.

    Parameters
    ----------
    guess
        Scores of zones on the broker's history (`clocks.detect_clock`); None without bars.
    ahead
        What live ticks say of the shift; None while none move.
    utc
        Our clock, epoch seconds.

    Notes
    -----
    Ticks rule out every zone with another shift today. Of those left the best by its bars is
    sure if it scores at least 0.9 and leads by more than 0.03; zones that convert all held bars
    alike are one, and ticks will tell when they part. Else the likeliest is taken, in doubt.
    """
    if guess is None or not guess.evidence:
        return _by_ticks(ahead)
    fitting = [(s.score, name) for s in guess.scores if (name := _first_fit(s, ahead, utc))]
    if guess.sure and (not fitting or fitting[0][0] < guess.best.score):
        return ZoneChoice(
            guess.best.zone,
            f"The broker's old bars are on the clock {guess.best.zone}, but its prices of this "
            "minute aren't: check this computer's clock, or set BROKER_ZONE.",
        )
    if not fitting:
        return _by_ticks(ahead)
    (score, zone), behind = fitting[0], (fitting[1][0] if len(fitting) > 1 else 0.0)
    if score >= SURE_SCORE and score - behind > SURE_LEAD:
        return ZoneChoice(zone)
    named = ", ".join(name for _, name in fitting[:3])
    return ZoneChoice(
        zone,
        f"Which clock your broker stamps its bars with isn't clear; it may be {named}. "
        "Ask the broker and set BROKER_ZONE.",
    )


def _first_fit(score: ZoneScore, ahead: Ahead | None, utc: float) -> str | None:
    names = (score.zone, *score.also)
    return next((n for n in names if ahead is None or ahead.holds(shift_of(n, utc))), None)


def _by_ticks(ahead: Ahead | None) -> ZoneChoice:
    """Choose where no old bars tell the zone."""
    if ahead is None:
        return ZoneChoice(
            None, "The broker's clock isn't known yet: no price has moved and no old bars tell it."
        )
    hours = round(ahead.middle / _HOUR)
    if not ahead.holds(hours * _HOUR):
        return ZoneChoice(
            None,
            "The broker's clock isn't a whole hour from this computer's: let this computer set "
            "its clock from the internet.",
        )
    return ZoneChoice(
        f"UTC{hours:+d}" if hours else "UTC",
        "Only today's shift of the broker's clock is known, not its summer time: set BROKER_ZONE.",
    )
