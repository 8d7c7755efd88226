"""Which clock stamped a file's bars: candidate zones and their scores.

A file's label is no evidence. What the market does is: currencies and metals
open and close the week by New York's clock, the DAX is widest at 09:00 in Berlin.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.data.calendar import CALENDARS
from pipeline.data.zones import by_hour, convert_hours, wall_clock
from pipeline.domain.market import Timeframe

SURE_SCORE = 0.9
SURE_LEAD = 0.03
_HOUR, _DAY = 3600, 86_400
_WEEKEND = 30 * _HOUR
_TOLERANCE = 20 * 60
_SLOT = 5 * 60
_MIN_DAYS = 3
_MIN_SLOTS = 12

CANDIDATES = (
    "UTC",
    "New York+7",
    "Europe/Athens",
    "London-5",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Chicago",
    *(
        f"UTC{hours:+d}"
        for hours in (2, 3, 1, -5, -6, -4, 4, 5, 7, 8, 9, 10, -3, -2, -1, 6, -7, -8)
    ),
)
"""Zones tried, the likelier first: of equal ones the first gives the name."""


@dataclass(frozen=True)
class ZoneScore:
    """One candidate. `also` names the zones that convert this file's stamps identically."""

    zone: str
    score: float
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClockGuess:
    """Candidates, best first, and how many weeks or months spoke."""

    scores: tuple[ZoneScore, ...]
    evidence: int

    @property
    def best(self) -> ZoneScore:
        """The likeliest candidate."""
        return self.scores[0]

    @property
    def sure(self) -> bool:
        """Whether nobody need be asked: best ≥ 0.9, runner-up more than 0.03 behind."""
        behind = self.scores[1].score if len(self.scores) > 1 else 0.0
        return self.best.score >= SURE_SCORE and self.best.score - behind > SURE_LEAD

    def score_of(self, zone: str) -> float | None:
        """Return the score of a zone by any of its names, None if it was no candidate."""
        found = [s.score for s in self.scores if zone == s.zone or zone in s.also]
        return found[0] if found else None


def detect_clock(
    wall: np.ndarray, ranges: np.ndarray, timeframe: Timeframe, calendar: str
) -> ClockGuess:
    """Score every candidate zone on a file's stamps.

    Parameters
    ----------
    wall
        int64 wall-clock seconds, sorted.
    ranges
        high − low of each bar.
    calendar
        The symbol's calendar; "crypto" trades without a pause, so its clock can't be told.

    Notes
    -----
    Currencies, metals, US indices: share of weeks that open and close when the market does,
    within 20 minutes. Xetra indices: share of periods (months, cut where the US or Europe
    change clocks) in which 09:00 Berlin is among the three widest slots of the day, times the
    share of bars on weekdays. Stamps that don't exist in a zone count against it.
    """
    hours, of_hour = by_hour(wall)
    grouped: dict[bytes, tuple[list[str], np.ndarray]] = {}
    for zone in CANDIDATES:
        converted, missing = convert_hours(hours, zone)
        names, _ = grouped.setdefault(
            converted.tobytes() + missing.tobytes(), ([], np.where(missing, -1, converted))
        )
        names.append(zone)
    scores, evidence = [], 0
    for names, converted in grouped.values():
        utc = wall - hours[of_hour] + converted[of_hour]
        score, evidence = _score(utc, ranges, timeframe, calendar)
        lost = float((converted == -1).sum()) / max(len(hours), 1)
        scores.append(ZoneScore(names[0], round(max(0.0, score - lost), 4), tuple(names[1:])))
    return ClockGuess(tuple(sorted(scores, key=lambda s: -s.score)), evidence)


def _score(
    utc: np.ndarray, ranges: np.ndarray, timeframe: Timeframe, calendar: str
) -> tuple[float, int]:
    if calendar == "crypto" or len(utc) < 2:  # noqa: PLR2004 (a gap needs two bars)
        return 0.0, 0
    if calendar == "index_xetra":
        return _berlin_score(utc, ranges, timeframe)
    return _week_score(utc, timeframe, calendar)


def _week_score(utc: np.ndarray, timeframe: Timeframe, calendar: str) -> tuple[float, int]:
    """Share of weekends that begin and end when New York says so."""
    hours = CALENDARS[calendar]
    closes, opens = utc[:-1] + timeframe.minutes * 60, utc[1:]
    weekend = opens - closes >= _WEEKEND
    if not weekend.any():
        return 0.0, 0
    opened = _week_seconds(opens[weekend], hours.zone)
    closed = _week_seconds(closes[weekend], hours.zone)
    wanted_open = 6 * _DAY + (hours.start * 60) % _DAY  # Sunday evening
    wanted_close = 4 * _DAY + hours.end * 60  # Friday
    good = (
        (opened >= wanted_open)
        & (opened <= wanted_open + _TOLERANCE)
        & (closed <= wanted_close)
        & (closed >= wanted_close - _TOLERANCE)
    )
    return float(good.mean()), int(weekend.sum())


def _week_seconds(utc: np.ndarray, zone: str) -> np.ndarray:
    """Return seconds since Monday 00:00 of a zone's wall clock."""
    since_monday: np.ndarray = (wall_clock(utc, zone) - 4 * _DAY) % (
        7 * _DAY
    )  # 1970-01-05, a Monday
    return since_monday


def _berlin_score(utc: np.ndarray, ranges: np.ndarray, timeframe: Timeframe) -> tuple[float, int]:
    """Share of periods in which 09:00 Berlin is among the three widest slots of the day."""
    wall = wall_clock(utc, "Europe/Berlin")
    length = max(_SLOT, timeframe.minutes * 60)
    if length > _HOUR:
        return 0.0, 0
    per_day = _DAY // length
    slot = (wall % _DAY) // length
    nine = 9 * _HOUR // length
    hits, seen = 0, 0
    for chosen in _periods(utc, wall):
        count = np.bincount(slot[chosen], minlength=per_day)
        total = np.bincount(slot[chosen], weights=ranges[chosen], minlength=per_day)
        mean = np.divide(total, count, out=np.zeros(per_day), where=count > count.max() / 2)
        seen += 1
        hits += int(mean[nine] > 0 and (mean > mean[nine]).sum() <= 2)  # noqa: PLR2004 (top 3)
    weekdays = float(((wall // _DAY + 3) % 7 < 5).mean())  # noqa: PLR2004 (1970-01-01: Thursday)
    return (hits / seen * weekdays if seen else 0.0), seen


def _periods(utc: np.ndarray, wall: np.ndarray) -> list[slice]:
    """Cut at months and wherever the US or Europe change clocks; tiny pieces are left out."""
    days, first = np.unique(wall // _DAY, return_index=True)
    noon = days * _DAY + _DAY // 2
    key = np.column_stack(
        [
            days.astype("datetime64[D]").astype("datetime64[M]").astype("int64"),
            wall_clock(noon, "America/New_York") - noon,
            wall_clock(noon, "Europe/Berlin") - noon,
        ]
    )
    cuts = np.flatnonzero(np.any(np.diff(key, axis=0) != 0, axis=1)) + 1
    bounds = np.concatenate([[0], cuts, [len(days)]]).tolist()
    rows = np.append(first, len(utc)).tolist()
    pieces = pairwise(bounds)
    return [
        slice(rows[a], rows[b])
        for a, b in pieces
        if b - a >= _MIN_DAYS and rows[b] - rows[a] >= _MIN_SLOTS
    ]


def describe(guess: ClockGuess, shown: int = 4) -> str:
    """Return the candidates in one line, e.g. "New York+7 1.00, Europe/Athens 0.92"."""
    words = (f"{s.zone} {s.score:.2f}" for s in guess.scores[:shown])
    return ", ".join(words)
