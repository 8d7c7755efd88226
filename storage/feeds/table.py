"""From cells to bars: order, duplicates, impossible bars, the timeframe they show."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe

SMALL_SHARE = 0.005
"""Duplicate stamps and impossible bars up to this share are left out and reported."""
_CLEAR = 0.5
_FIRST, _LAST = 315_532_800, 4_102_444_800
_NAMED = re.compile(
    r"(?<![A-Za-z0-9])(?:(M1|M5|M15|H1|H4|D1|Daily|1D|D)|(1|5|15|60|240|1440)|(1|5|15|60)m(?:in)?"
    r"|(1|4)h)(?![A-Za-z0-9])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """A file's cells as numbers, in the file's order. `where` names a row for messages."""

    name: str
    kind: str
    stamps: np.ndarray
    prices: np.ndarray
    volume: np.ndarray | None
    spread: np.ndarray | None
    clock: str
    has_time: bool
    symbol: str | None
    where: Callable[[int], str]


@dataclass(frozen=True)
class FileBars:
    """A file's bars: sorted, unique, possible; their clock not yet settled.

    Attributes
    ----------
    stamps
        int64 seconds: a wall clock for `clock` "wall", UTC for "utc" (the text says so) and
        probably for "unix" (some exports write a wall clock as epoch seconds).
    timeframe
        What the distances between the stamps show; None if they can't.
    spread
        Price units.
    """

    name: str
    kind: str
    stamps: np.ndarray
    prices: np.ndarray
    volume: np.ndarray | None
    spread: np.ndarray | None
    clock: str
    timeframe: Timeframe | None
    symbol: str | None
    duplicates: int
    impossible: int
    notes: tuple[str, ...] = ()

    def check_grid(self, timeframe: Timeframe) -> None:
        """Refuse stamps that bars of this timeframe can't have (BadBarsError)."""
        step = min(timeframe.minutes, Timeframe.H1.minutes) * 60
        off = self.stamps % step != 0
        closest = int(np.diff(self.stamps).min()) if len(self.stamps) > 1 else step
        if off.any() or closest < min(timeframe.minutes * 60, 23 * 3600):
            row = int(np.argmax(off)) if off.any() else int(np.argmin(np.diff(self.stamps))) + 1
            stamp = pd.Timestamp(int(self.stamps[row]), unit="s")
            shown = f", the file's bars are {self.timeframe}" if self.timeframe else ""
            raise BadBarsError(
                f"{self.name}: the bar at {stamp:%Y-%m-%d %H:%M:%S} is no {timeframe} bar{shown}"
            )


def tidy(table: Table) -> FileBars:
    """Check and order a file's rows.

    Raises
    ------
    BadBarsError
        With the place of the first wrong row: a high below its low, a price that is not
        positive, negative volume or spread, or too many duplicates or impossible bars.
    """
    _refuse_wrong(table)
    keep, impossible = _possible(table)
    order = keep[np.argsort(table.stamps[keep], kind="stable")]
    stamps = table.stamps[order]
    last = np.append(np.diff(stamps) != 0, True)  # of equal stamps the last counts
    duplicates = int((~last).sum())
    if duplicates > SMALL_SHARE * len(stamps):
        row = int(order[int(np.argmin(last)) + 1])
        raise BadBarsError(
            f"{table.name}, {table.where(row)}: this time was there before; {duplicates} of "
            f"{len(stamps)} bars are duplicates"
        )
    order = order[last]
    spread = table.spread[order] if table.spread is not None else None
    known = spread is not None and bool((spread > 0).any())
    return FileBars(
        name=table.name,
        kind=table.kind,
        stamps=table.stamps[order],
        prices=table.prices[order],
        volume=table.volume[order] if table.volume is not None else None,
        spread=spread if known else None,
        clock=table.clock,
        timeframe=shown_timeframe(table.stamps[order], has_time=table.has_time),
        symbol=table.symbol,
        duplicates=duplicates,
        impossible=impossible,
        notes=_notes(table, duplicates, impossible),
    )


def _notes(table: Table, duplicates: int, impossible: int) -> tuple[str, ...]:
    notes = []
    if duplicates:
        notes.append(f"{duplicates} duplicate times left out, the later row kept")
    if impossible:
        notes.append(f"{impossible} bars whose open or close lies outside high–low left out")
    if table.spread is not None and not (table.spread > 0).any():
        notes.append("the spread column is zero throughout and was not used")
    steps = np.diff(table.stamps)
    if (steps < 0).any() and not (steps <= 0).all():
        notes.append("the rows were not in order of time and have been sorted")
    return tuple(notes)


def _refuse_wrong(table: Table) -> None:
    """Refuse rows that no rounding explains."""
    _, high, low, _ = table.prices.T
    faults = (
        ("the time lies outside 1980–2100", (table.stamps < _FIRST) | (table.stamps > _LAST)),
        ("a price is missing or no number", ~np.isfinite(table.prices).all(axis=1)),
        ("a price is zero or negative", (table.prices <= 0).any(axis=1)),
        ("high is below low", high < low),
        ("volume is negative or no number", _below_zero(table.volume)),
        ("spread is negative", _negative(table.spread)),
    )
    for reason, bad in faults:
        if bad.any():
            row = int(np.argmax(bad))
            raise BadBarsError(f"{table.name}, {table.where(row)}: {reason}", row=row)


def _below_zero(column: np.ndarray | None) -> np.ndarray:
    if column is None:
        return np.zeros(1, dtype=bool)
    bad: np.ndarray = ~(column >= 0)
    return bad


def _negative(column: np.ndarray | None) -> np.ndarray:
    bad: np.ndarray = np.zeros(1, dtype=bool) if column is None else column < 0
    return bad


def _possible(table: Table) -> tuple[np.ndarray, int]:
    """Return the rows with open and close inside high–low; refuse if too many are not."""
    o, high, low, c = table.prices.T
    outside = (np.maximum(o, c) > high) | (np.minimum(o, c) < low)
    count = int(outside.sum())
    if count > SMALL_SHARE * len(outside):
        where = table.where(int(np.argmax(outside)))
        raise BadBarsError(
            f"{table.name}, {where}: open or close lies outside high and low "
            f"({count} such bars of {len(outside)})"
        )
    return np.flatnonzero(~outside), count


def shown_timeframe(stamps: np.ndarray, *, has_time: bool) -> Timeframe | None:
    """Return the timeframe that sorted stamps show by their usual distance.

    Raises
    ------
    BadBarsError
        The distance is clear but no timeframe of the house (M30, W1 …).
    """
    if not has_time:
        return Timeframe.D1
    if len(stamps) < 3:  # noqa: PLR2004 (two bars may as well be a hole apart)
        return None
    steps, counts = np.unique(np.diff(stamps), return_counts=True)
    usual = int(steps[np.argmax(counts)])
    if counts.max() < _CLEAR * counts.sum():
        return None
    known = {t.minutes * 60: t for t in Timeframe}
    if usual not in known:
        length = f"{usual // 60} minutes" if usual >= 60 else f"{usual} seconds"  # noqa: PLR2004
        raise BadBarsError(
            f"the bars are {length} apart; the timeframes known are {', '.join(Timeframe)}"
        )
    return known[usual]


def named_timeframe(name: str) -> Timeframe | None:
    """Return the timeframe a file's name tells ("EURUSD_M15", "FX_EURUSD, 60", "EURUSD240")."""
    stem = re.sub(r"(\.(csv|txt|tsv|parquet|pq|zip|gz))+$", "", name, flags=re.IGNORECASE)
    if found := re.fullmatch(r"[A-Za-z]{6}(1|5|15|60|240|1440)", stem):
        return _by_minutes(int(found.group(1)))
    for found in _NAMED.finditer(stem.replace("_", " ")):
        word, minutes, minutes_m, hours = found.groups()
        if word:
            return (
                Timeframe(word.upper()) if word.upper() in Timeframe.__members__ else Timeframe.D1
            )
        return _by_minutes(int(minutes or minutes_m or int(hours) * 60))
    return None


def _by_minutes(minutes: int) -> Timeframe | None:
    return next((t for t in Timeframe if t.minutes == minutes), None)
