"""Where price lies in a range: premium and discount, and the zone of an optimal entry."""

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    column,
    events_at,
    register,
)
from pipeline.domain.bars import BarTable
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import Instrument, Timeframe

WORDS = ("formed", "touched", "invalidated", "replaced", "expired")
FORMED, TOUCHED, INVALIDATED, REPLACED, EXPIRED = range(5)
EXTRAS = {"range_low": "float64", "range_high": "float64", "formed_bar": "int64"}
HIGH, LOW, RANGE, NOTHING = range(4)
KINDS = {"high": HIGH, "low": LOW, "formed": RANGE, "incomplete": NOTHING}
"""Words of the events a range is read from -> what each one says of it."""


class PremiumParameters(Parameters):
    """Parameters of `premium_discount`."""

    memory_bars: int = Field(
        default=1500, ge=1, le=50_000, description="bars after which a swing or range is forgotten"
    )


class EntryZoneParameters(Parameters):
    """Parameters of `ote`."""

    shallow: float = Field(
        default=0.62, ge=0, le=1, description="where the zone begins, share of the leg retraced"
    )
    deep: float = Field(
        default=0.79, ge=0, le=1, description="where the zone ends, share of the leg retraced"
    )
    memory_bars: int = Field(
        default=200, ge=1, le=5000, description="bars after which a swing is forgotten"
    )
    expiry_bars: int = Field(
        default=500, ge=1, le=5000, description="bars until a zone is forgotten"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "EntryZoneParameters":
        if self.shallow >= self.deep:
            raise ValueError("shallow must be less than deep")
        return self


def _told(levels: Events) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the events that tell of a range, and what kind each one is."""
    kind = np.full(len(levels), -1)
    for word, code in KINDS.items():
        kind[levels.rows((word,))] = code
    rows = np.flatnonzero(kind >= 0)
    return rows, kind[rows]


def premium_discount(
    bars: BarTable,
    parameters: PremiumParameters,
    inputs: Inputs,
    instrument: Instrument,  # noqa: ARG001 - every detector has one signature
    timeframe: Timeframe,  # noqa: ARG001
) -> np.ndarray:
    """Return where each close lies in the range in force: 0 at its low, 1 at its high.

    Above 0.5 is premium, below is discount; beyond the range it is above 1 or below 0.

    Notes
    -----
    The range is read from ``inputs["levels"]``: swings give the last confirmed high and the
    last confirmed low, sessions and days their last `formed` range. NaN before there is one,
    where it is older than `memory_bars` (either swing), where it was followed by an
    `incomplete` one, and where the last high isn't above the last low.
    """
    if len(bars) == 0:
        return np.empty(0)
    levels = inputs["levels"]
    rows, kind = _told(levels)
    known, low, high = (levels[c][rows] for c in ("bar", "price_low", "price_high"))
    close = column(bars, "close")
    return np.asarray(_positions(close, (known, kind), low, high, parameters.memory_bars))


@njit(cache=True)
def _positions(
    close: np.ndarray,
    told: tuple[np.ndarray, np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    memory: int,
) -> np.ndarray:
    known, kind = told
    out = np.full(len(close), np.nan)
    bottom, top, bottom_at, top_at, e = np.nan, np.nan, 0, 0, 0
    for i in range(len(close)):
        while e < len(known) and known[e] == i:
            if kind[e] != LOW:
                top, top_at = high[e], i
            if kind[e] != HIGH:
                bottom, bottom_at = low[e], i
            e += 1
        if top > bottom and i - min(top_at, bottom_at) <= memory:
            out[i] = (close[i] - bottom) / (top - bottom)
    return out


def ote(
    bars: BarTable,
    parameters: EntryZoneParameters,
    inputs: Inputs,
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return the zones of optimal trade entry: where a leg is retraced by 62 to 79 per cent.

    The leg is read from ``inputs["levels"]``. Of swings it is the last confirmed high and the
    last confirmed low, known at the confirmation of the later one: up (side +1) if the low came
    first, its zone lies `shallow` to `deep` of the leg below the high; down is the mirror
    image. A range without a direction (a session, a day) gives both zones.

    formed       the leg or range is known, and the close has not left it by its origin
    touched      a bar reaches the zone's near edge (inclusive), at most once
    invalidated  a bar closes beyond the leg's origin (its low, for a leg up). Ends the zone.
    replaced     a newer swing or range is known. Ends the zone.
    expired      `expiry_bars` passed. Ends the zone.

    Notes
    -----
    Swings older than `memory_bars` when the other one is known make no leg, nor do two turns in
    one bar, nor a high that isn't above the low. `range_low` and `range_high` are the leg's
    ends. `zone_id` numbers the levels' events, times two, + 1 for a short.
    """
    levels = inputs["levels"]
    rows, kind = _told(levels)
    if len(rows) == 0:
        return empty_events(**EXTRAS)
    turned = "pivot_bar" if "pivot_bar" in levels else "bar"
    known, turn, low, high = (levels[c][rows] for c in ("bar", turned, "price_low", "price_high"))
    prices = column(bars, "high"), column(bars, "low"), column(bars, "close")
    shape = (parameters.shallow, parameters.deep, parameters.memory_bars, parameters.expiry_bars)
    zones, edges, lives = _entry_zones(prices, (known, kind, turn), low, high, shape)
    if len(lives) == 0:
        return empty_events(**EXTRAS)
    bar, word, zone = np.ascontiguousarray(lives[np.lexsort((lives[:, 2], lives[:, 0]))].T)
    formed, side, newest, origin = np.ascontiguousarray(zones[zone].T)
    bottom, top, range_low, range_high = np.ascontiguousarray(edges[zone].T)
    values = {
        "side": side,
        "start": levels["start"][rows[origin]],
        "price_low": bottom,
        "price_high": top,
        "zone_id": 2 * rows[newest] + (side < 0),
        "range_low": range_low,
        "range_high": range_high,
        "formed_bar": formed,
    }
    return events_at(bars, bar, (WORDS, word), values)


@njit(cache=True)
def _entry_zones(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray],
    told: tuple[np.ndarray, np.ndarray, np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    shape: tuple[float, float, int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return zones (formed bar, side, newest and origin's rows), their edges, and their events.

    Events are rows (bar, word, zone), zone by zone.
    """
    known, kind, turn = told
    zones, edges = np.empty((2 * len(known), 4), dtype=np.int64), np.empty((2 * len(known), 4))
    out = np.empty((6 * len(known), 3), dtype=np.int64)  # birth, touch and end of each
    top, bottom, count, m = -1, -1, 0, 0
    for e in range(len(known)):
        top = e if kind[e] in (HIGH, RANGE) else -1 if kind[e] == NOTHING else top
        bottom = e if kind[e] in (LOW, RANGE) else -1 if kind[e] == NOTHING else bottom
        if e + 1 < len(known) and known[e + 1] == known[e]:
            continue
        until = known[e + 1] if e + 1 < len(known) else len(prices[0])
        first = count
        if min(top, bottom) >= 0 and known[e] - known[min(top, bottom)] <= shape[2]:
            ends, turns = (low[bottom], high[top]), (turn[bottom], turn[top])
            for side in (1, -1):
                origin = bottom if side > 0 else top
                if top != bottom and side * (turns[1] - turns[0]) <= 0:
                    continue
                edges[count] = _zone(side, ends, shape)
                if ends[1] > ends[0] and not _reach(prices, known[e], side, edges[count])[1]:
                    zones[count] = (known[e], side, max(top, bottom), origin)
                    count += 1
        for z in range(first, count):
            m = _live(prices, zones[z], edges[z], (until, shape[3], z), out, m)
    return zones[:count], edges[:count], out[:m]


@njit(cache=True)
def _zone(
    side: int, ends: tuple[float, float], shape: tuple[float, float, int, int]
) -> tuple[float, float, float, float]:
    """Return a leg's zone, bottom and top, and the leg's own ends."""
    low, high = ends
    shallow, deep = shape[0] * (high - low), shape[1] * (high - low)
    if side > 0:
        return high - deep, high - shallow, low, high
    return low + shallow, low + deep, low, high


@njit(cache=True)
def _live(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray],
    zone: np.ndarray,
    edges: np.ndarray,
    until: tuple[int, int, int],
    out: np.ndarray,
    m: int,
) -> int:
    """Write a zone's events until it ends; return the rows written so far."""
    formed, side = zone[0], zone[1]
    replaced, expiry, z = until
    out[m] = (formed, FORMED, z)
    m += 1
    touched, word = False, FORMED
    for i in range(formed + 1, min(len(prices[0]), formed + expiry + 1)):
        reached, left = _reach(prices, i, side, edges)
        if reached and not touched:
            touched = True
            out[m] = (i, TOUCHED, z)
            m += 1
        if left:
            word = INVALIDATED
        elif i == replaced:
            word = REPLACED
        elif i - formed == expiry:
            word = EXPIRED
        if word != FORMED:
            out[m] = (i, word, z)
            m += 1
            break
    return m


@njit(cache=True)
def _reach(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray], i: int, side: int, edges: np.ndarray
) -> tuple[bool, bool]:
    """Return whether a bar reaches a zone's near edge, and whether it closes beyond the origin."""
    high, low, close = prices
    if side > 0:
        return low[i] <= edges[1], close[i] < edges[2]
    return high[i] >= edges[0], close[i] > edges[3]


def _premium_warm_up(parameters: PremiumParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return parameters.memory_bars + 2


def _ote_warm_up(parameters: EntryZoneParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return parameters.memory_bars + parameters.expiry_bars + 2


register(
    Detector(
        name="premium_discount",
        title="Premium or discount: the close's place in the range",
        gives=(),
        inputs=("levels",),
        parameters=PremiumParameters,
        output="series",
        warm_up=_premium_warm_up,
        detect=premium_discount,
        source="M. J. Huddleston (ICT): dealing range, equilibrium at one half",
        pauses=True,
    )
)
register(
    Detector(
        name="ote",
        title="Optimal trade entry zone",
        gives=WORDS,
        inputs=("levels",),
        parameters=EntryZoneParameters,
        output="events",
        warm_up=_ote_warm_up,
        detect=ote,
        source="M. J. Huddleston (ICT): retracement of 62 to 79 per cent of the dealing range",
    )
)
