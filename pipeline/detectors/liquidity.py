"""Orders resting behind known levels: raids, the sweep of a level and the close back over it."""

from datetime import time
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
from numba import njit
from pydantic import Field, field_validator, model_validator

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    bar_times,
    column,
    events_at,
    register,
)
from pipeline.detectors.windows import (
    DAY_MINUTES,
    DST_SLACK,
    LocalWindows,
    bars_in,
    iso_days,
    local_windows,
    window_minutes,
)
from pipeline.domain.bars import TIME_DTYPE, BarTable, bar_seconds
from pipeline.domain.costs import spread_prices
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import Instrument, Timeframe

WORDS = ("penetrated", "reclaimed", "accepted_break", "expired")
PENETRATED, RECLAIMED, ACCEPTED_BREAK, EXPIRED = range(4)
EXTRAS = {
    "day": "str",
    "level": "float64",
    "opposite": "float64",
    "extreme": "float64",
    "depth_atr": "float64",
    "bars_outside": "int64",
    "double_raid": "int64",
    "penetrated_bar": "int64",
    "penetrated_at": TIME_DTYPE,
}
NEVER = np.datetime64("NaT", "us")
ARMED, OUTSIDE, SPENT = range(3)
FIELDS = 6  # of a kernel's row: bar, word, watch's row, side, penetrated bar, extreme's bar
GRAIN = 1e-6  # of a tick: 1.10151 − 0.00001 isn't quite 1.1015 in binary


class RaidParameters(Parameters):
    """Parameters of `raid`; the window's default is the hour pair of the Frankfurt raid (a)."""

    zone: str = Field(default="Europe/Berlin", description="IANA zone of the window")
    start: str = Field(default="09:00", description="window's start, local HH:MM")
    end: str = Field(default="11:00", description="window's end (exclusive), local HH:MM")
    reclaim_minutes: int = Field(
        default=30, ge=1, le=1440, description="minutes from the penetrating bar's open"
    )
    pen_frac: float = Field(default=0.0, ge=0, le=1, description="penetration, share of the range")
    min_ticks: float = Field(default=1, ge=0, description="penetration, ticks")
    spread_mult: float = Field(default=1.0, ge=0, description="penetration, spreads")
    rearm_frac: float = Field(
        default=0.25, ge=0, le=1, description="close this share of the range inside re-arms"
    )
    max_per_day: int = Field(default=1, ge=1, le=99, description="reclaims per level and day")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            return ZoneInfo(zone).key
        except (KeyError, ValueError, OSError) as bad:
            raise ValueError(f"no time zone {zone!r}") from bad

    @field_validator("start", "end")
    @classmethod
    def _wall_clock(cls, wall: str) -> str:
        return time.fromisoformat(wall).strftime("%H:%M")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.start == self.end:
            raise ValueError("the window starts and ends at the same time")
        return self

    @property
    def window(self) -> tuple[time, time]:
        """Start and end as times of day."""
        return time.fromisoformat(self.start), time.fromisoformat(self.end)

    @property
    def rules(self) -> tuple[float, float, float, int]:
        """What the kernel needs: patience in seconds, two shares of the range, a count."""
        return self.reclaim_minutes * 60.0, self.pen_frac, self.rearm_frac, self.max_per_day


def raid(
    bars: BarTable,
    parameters: RaidParameters,
    inputs: Inputs,
    instrument: Instrument,
    timeframe: Timeframe,  # noqa: ARG001 - every detector has one signature
) -> Events:
    """Return what happens to each level's low and high inside one window after it.

    The levels are the `formed` rows of ``inputs["levels"]``, or swings. Each is watched in the
    first window that ends after the level does and starts within 24 hours of it, by the bars
    wholly inside it that open after it is known; of a level with a side one edge (−1 its high,
    +1 its low). For the low L of a range (highs mirrored), `side` +1:

    penetrated      first bar with low < L − pen, where pen = max(`min_ticks` × tick,
                    `pen_frac` × range, `spread_mult` × the bar's spread)
    reclaimed       first close above L; the bar must close within `reclaim_minutes` of the
                    *open* of the penetrating bar, which counts itself, however long it is
    accepted_break  that time passed without it; known at the first bar that closes then or later
    expired         the window ended (first bar that closes then or later) while the level was
                    outside, or never penetrated at all (`penetrated_bar` −1, NaN extreme)

    Then the level rests until a close more than `rearm_frac` of the range inside re-arms it,
    unless `max_per_day` raids were reclaimed: with 1 another can only follow an accepted break.
    A single price (a swing, an opening) rests too, while the last close lies beyond it.

    Notes
    -----
    The spread is the recorded one or the table's: a request's `spread=` changes no raid.
    Times decide, not bar counts. The zone runs from L to the extreme; `zone_id` numbers raids.
    `bars_outside` counts the closes not back over L so far, `depth_atr` is |L − extreme| in ATR,
    `double_raid` is 1 if the range's `opposite` side was penetrated on an earlier bar.
    """
    levels = inputs["levels"]
    levels = levels.take(levels.rows(("formed", "high", "low")))
    times = bar_seconds(bars, "open_time"), bar_seconds(bars, "close_time")
    watch = _watches(local_windows(bars, parameters.zone, *parameters.window), *times, levels)
    if not len(watch):  # and no kernel runs
        return empty_events(**EXTRAS)
    levels, watch = levels.take(watch[:, 0]), watch[:, 1:]
    edges = np.column_stack([levels["price_low"], levels["price_high"]])
    tick, spread = instrument.tick_size, parameters.spread_mult * spread_prices(bars, instrument)
    pen = np.maximum(parameters.min_ticks * tick, spread)
    prices = column(bars, "high"), column(bars, "low"), column(bars, "close")
    found = _raids(prices, *times, pen, edges, watch, (*parameters.rules, GRAIN * tick))
    if len(found) == 0:
        return empty_events(**EXTRAS)
    zone = parameters.zone
    day = levels["day"] if "day" in levels else iso_days(levels.seconds("known_at"), zone)
    return _events(bars, _ordered(found), levels, day, np.asarray(inputs["atr"]))


def _watches(
    windows: LocalWindows, opened: np.ndarray, closed: np.ndarray, levels: Events
) -> np.ndarray:
    """Return (level's row, first bar, bar behind the last, bar that closes W, level's side)."""
    # A range's own end, not when it got known: a missing last bar must not skip a day.
    ended = levels.seconds("end" if "end" in levels else "known_at")
    w = np.searchsorted(windows.end, ended, side="right")  # it may have begun before
    rows = np.flatnonzero(w < len(windows.end))
    rows = rows[windows.start[w[rows]] - ended[rows] < DAY_MINUTES * 60]
    start, end = windows.start[w[rows]], windows.end[w[rows]]
    known = levels.bar[rows]
    first = np.maximum(np.searchsorted(opened, start), known + 1)
    behind, over = np.searchsorted(closed, end, side="right"), np.searchsorted(closed, end)
    spans = np.column_stack([rows, first, behind, over, levels.side[rows]])
    return np.asarray(spans[over > known])  # else W was over before the level was known


@njit(cache=True)
def _raids(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray],
    opened: np.ndarray,
    closed: np.ndarray,
    pen: np.ndarray,
    edges: np.ndarray,
    spans: np.ndarray,
    rules: tuple[float, float, float, int, float],
) -> np.ndarray:
    """Return the rows (FIELDS) of both sides of every level, level by level."""
    high, low, close = prices
    # Two sides; at most a wick and its close each bar, and the window's end.
    room = 2 * (len(spans) + 2 * np.maximum(spans[:, 1] - spans[:, 0], 0).sum())
    out = np.empty((room, FIELDS), dtype=np.int64)
    tops, ends_down, m = -high, -close, 0
    for w in range(len(spans)):
        bottom, top = edges[w]
        first, behind, over, only = spans[w]
        for side in (1, -1):
            if side == -only:
                continue
            probe, ends, level = (low, close, bottom) if side > 0 else (tops, ends_down, -top)
            what, series = (level, top - bottom, w, side), (probe, ends, opened, closed, pen)
            m = _watch(series, what, (first, behind, over), rules, out, m)
    return out[:m]


@njit(cache=True)
def _watch(
    series: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    what: tuple[float, float, int, int],
    span: tuple[int, int, int],
    rules: tuple[float, float, float, int, float],
    out: np.ndarray,
    m: int,
) -> int:
    """Run one level's machine, mirrored so that it is always a low; return the rows written."""
    probe, close, opened, closed, pen = series
    level, extent, w, side = what
    first, behind, over = span
    patience, pen_frac, rearm_frac, left, grain = rules
    pierced, extreme, begun = -1, -1, m
    state = ARMED if extent > 0 or close[first - 1] >= level else SPENT
    for i in range(first, behind):
        if state == ARMED and probe[i] < level - (max(pen[i], pen_frac * extent) + grain):
            state, pierced, extreme = OUTSIDE, i, i
            out[m] = (i, PENETRATED, w, side, pierced, extreme)
            m += 1
        if state == OUTSIDE:
            extreme = i if probe[i] < probe[extreme] else extreme
            in_time = i == pierced or closed[i] - opened[pierced] <= patience
            late = closed[i] - opened[pierced] >= patience
            back = close[i] > level and in_time
            if back or late:
                out[m] = (i, RECLAIMED if back else ACCEPTED_BREAK, w, side, pierced, extreme)
                state, m, left = SPENT, m + 1, left - back
        if state == SPENT and left > 0 and close[i] > level + rearm_frac * extent:
            state = ARMED
    if over < len(close) and (state == OUTSIDE or m == begun):
        out[m] = (over, EXPIRED, w, side, pierced, extreme)
        m += 1
    return m


def _ordered(found: np.ndarray) -> np.ndarray:
    """Return the kernel's rows sorted by (bar, raid), with the raid's number as a last column."""
    # Raids are numbered by their first event: later bars never change a number.
    bar, word, level, side, pierced, _ = found.T
    begins = (word == PENETRATED) | ((word == EXPIRED) & (pierced < 0))
    births = np.flatnonzero(begins)
    births = births[np.lexsort((-side[births], level[births], bar[births]))]
    number = np.empty(len(found), dtype="int64")
    number[births] = np.arange(len(births))
    # A raid's rows are neighbours in the kernel's output: the birth, then what became of it.
    number = number[np.maximum.accumulate(np.where(begins, np.arange(len(found)), 0))]
    return np.column_stack([found, number])[np.lexsort((word, number, bar))]


def _events(
    bars: BarTable, rows: np.ndarray, levels: Events, day: np.ndarray, atr: np.ndarray
) -> Events:
    bar, word, w, side, pierced, extreme_bar, number = np.ascontiguousarray(rows.T)
    hit, close = pierced >= 0, column(bars, "close")
    bottom, top = levels["price_low"][w], levels["price_high"][w]
    level, opposite = np.where(side > 0, bottom, top), np.where(side > 0, top, bottom)
    tip = np.where(side > 0, column(bars, "low")[extreme_bar], column(bars, "high")[extreme_bar])
    extreme = np.where(hit, tip, np.nan)
    values = {
        "side": side,
        "start": np.where(hit, bar_times(bars, "open_time")[pierced], levels["start"][w]),
        "price_low": np.fmin(level, extreme),
        "price_high": np.fmax(level, extreme),
        "zone_id": number,
        "day": day[w],
        "level": level,
        "opposite": opposite,
        "extreme": extreme,
        "depth_atr": np.abs(level - extreme) / atr[bar],
        "bars_outside": np.where(hit, bar - pierced + (side * (close[bar] - level) <= 0), 0),
        "double_raid": _double(w, side, pierced),
        "penetrated_bar": pierced,
        "penetrated_at": np.where(hit, bar_times(bars, "close_time")[pierced], NEVER),
    }
    return events_at(bars, bar, (WORDS, word), values)


def _double(w: np.ndarray, side: np.ndarray, pierced: np.ndarray) -> np.ndarray:
    """Return 1 where the other side of the range was penetrated on an earlier bar."""
    first = np.full((2, int(w.max()) + 1), np.iinfo(np.int64).max)
    hit = pierced >= 0
    np.minimum.at(first, ((side[hit] > 0).astype("int64"), w[hit]), pierced[hit])
    return np.asarray(hit & (first[(side < 0).astype("int64"), w] < pierced), dtype="int64")


def _warm_up(parameters: RaidParameters, timeframe: Timeframe) -> int:
    return bars_in(DAY_MINUTES + DST_SLACK + window_minutes(*parameters.window), timeframe) + 2


register(
    Detector(
        name="raid",
        title="Sweep of a level and reclaim",
        gives=WORDS,
        inputs=("levels", "atr"),
        parameters=RaidParameters,
        output="events",
        warm_up=_warm_up,
        detect=raid,
        source="ICT liquidity raid (stop hunt), M. J. Huddleston; sweep-and-reclaim of a range",
    )
)
