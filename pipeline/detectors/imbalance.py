"""Prices that traded on one side only: fair value gaps and what becomes of them."""

import numpy as np
from numba import njit
from pydantic import Field

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    after_hole,
    column,
    events_at,
    register,
)
from pipeline.domain.bars import BarTable
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import Instrument, Timeframe

WORDS = ("formed", "touched", "midpoint", "mitigated", "inverted", "expired")
FORMED, TOUCHED, MIDPOINT, MITIGATED, INVERTED, EXPIRED = range(6)
EXTRAS = {"gap_side": "int64", "size": "float64", "size_atr": "float64", "formed_bar": "int64"}


class GapParameters(Parameters):
    """Parameters of `fair_value_gap`."""

    min_gap_atr: float = Field(
        default=0.1, ge=0, description="smallest gap in ATR at the middle bar; 0: any"
    )
    min_gap_pct: float | None = Field(
        default=None,
        ge=0,
        description="smallest gap in per cent of the middle bar's close, besides the ATR rule",
    )
    expiry_bars: int = Field(
        default=500, ge=1, le=5000, description="bars after the third until a gap is forgotten"
    )


def fair_value_gap(
    bars: BarTable,
    parameters: GapParameters,
    inputs: Inputs,
    instrument: Instrument,  # noqa: ARG001 - every detector has one signature
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return the births of fair value gaps and everything that happens to them later.

    A gap of three neighbouring bars a, b, c is up iff low_c > high_a and b closes above its
    open; its zone is [high_a, low_c], known at c's close. Down is the mirror image. Later, at
    most once each, in this order:

    touched    a bar reaches the edge at c (inclusive: a limit order there may be filled)
    midpoint   a bar reaches the middle of the zone (consequent encroachment), inclusive
    mitigated  a bar trades beyond the far edge, if only with its wick
    inverted   a bar *closes* beyond the far edge; the gap now acts the other way: `side` is
               the opposite of the birth's. Ends the gap.
    expired    `expiry_bars` bars after c it was not inverted. Ends the gap.

    Notes
    -----
    A bar may do several of these at once. `side` of the others is the side of birth, `zone_id`
    and `formed_bar` the row of c. With both sizes given, both must be met; where the ATR
    doesn't exist yet no gap is found unless `min_gap_atr` is 0.

    A hole of 30 minutes or more between a and b or b and c makes no gap: nobody could trade
    in a closed market, so the jump over it is no sign of one-sided trading. Shorter holes
    (a minute without a tick) count as neighbours, as they do on every chart.

    Warning
    -------
    A size in per cent is a trap: 0.2 % leaves 0.09 gaps a day on EURUSD M1.
    """
    born, side, bottom, top, atr_at = _births(bars, parameters, np.asarray(inputs["atr"]))
    if len(born) == 0:
        return empty_events(**EXTRAS)
    prices = (column(bars, name) for name in ("high", "low", "close"))
    lives = _lives(born, side, bottom, top, *prices, parameters.expiry_bars)
    bar, code, gap = np.ascontiguousarray(lives.T)
    size, row, gap_side = top - bottom, born[gap], side[gap]
    values = {
        "side": np.where(code == INVERTED, -gap_side, gap_side),
        "start": row - 2,
        "price_low": bottom[gap],
        "price_high": top[gap],
        "zone_id": row,
        "gap_side": gap_side,
        "size": size[gap],
        "size_atr": (size / atr_at)[gap],
        "formed_bar": row,
    }
    return events_at(bars, bar, (WORDS, code), values)


def _births(
    bars: BarTable, parameters: GapParameters, atr: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of each gap: the row of its bar c, side, zone bottom and top, and the ATR at b."""
    opened, high, low, close = (column(bars, name) for name in ("open", "high", "low", "close"))
    hole = after_hole(bars)
    body = close[1:-1] - opened[1:-1]
    up = (low[2:] > high[:-2]) & (body > 0)
    down = (high[2:] < low[:-2]) & (body < 0)
    c = np.flatnonzero((up | down) & ~(hole[1:-1] | hole[2:])) + 2
    side = np.where(up[c - 2], 1, -1)
    bottom = np.where(side > 0, high[c - 2], high[c])
    top = np.where(side > 0, low[c], low[c - 2])
    atr_at = atr[c - 1]
    wide = np.ones(len(c), dtype=np.bool_)
    if parameters.min_gap_atr > 0:
        wide &= top - bottom >= parameters.min_gap_atr * atr_at
    if parameters.min_gap_pct is not None:
        wide &= top - bottom >= parameters.min_gap_pct / 100 * close[c - 1]
    return c[wide], side[wide], bottom[wide], top[wide], atr_at[wide]


@njit(cache=True)
def _stage(side: int, bottom: float, top: float, high: float, low: float) -> int:
    """Return how deep a bar went into a gap: 0, TOUCHED, MIDPOINT or MITIGATED."""
    middle = (bottom + top) / 2
    if side > 0:
        near, half, through = low <= top, low <= middle, low < bottom
    else:
        near, half, through = high >= bottom, high >= middle, high > top
    if through:
        return MITIGATED
    if half:
        return MIDPOINT
    return TOUCHED if near else 0


@njit(cache=True)
def _next_edge(side: int, bottom: float, top: float, reached: int) -> float:
    """Return the price a bar must reach, from the gap's own side, for anything more to happen."""
    if reached == TOUCHED:
        return (bottom + top) / 2
    if side > 0:
        return bottom if reached else top
    return top if reached else bottom


@njit(cache=True)
def _lives(
    born: np.ndarray,
    side: np.ndarray,
    bottom: np.ndarray,
    top: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    expiry: int,
) -> np.ndarray:
    """Return (bar, word, gap's number) of all events; the open gaps are kept oldest first."""
    out = np.empty((len(born) * len(WORDS), 3), dtype=np.int64)
    alive = np.empty(min(len(born), expiry + 1), dtype=np.int64)
    edge = np.empty(len(alive))
    reached = np.zeros(len(born), dtype=np.int64)
    count, unborn, m = 0, 0, 0
    # Between the nearest edges below and above nothing happens to any gap: many bars end there.
    below, above = -np.inf, np.inf
    for i in range(len(high)):
        if count > 0 and (low[i] <= below or high[i] >= above or i - born[alive[0]] >= expiry):
            kept, below, above = 0, -np.inf, np.inf
            for j in range(count):
                g, e, up = alive[j], edge[j], side[alive[j]] > 0
                over, ended = i - born[g] >= expiry, False
                if over or (low[i] <= e if up else high[i] >= e):
                    stage = _stage(side[g], bottom[g], top[g], high[i], low[i])
                    while reached[g] < stage:
                        reached[g] += 1
                        out[m] = (i, reached[g], g)
                        m += 1
                    beyond = close[i] < bottom[g] if up else close[i] > top[g]
                    ended = beyond or over
                    if ended:
                        out[m] = (i, INVERTED if beyond else EXPIRED, g)
                        m += 1
                    e = _next_edge(side[g], bottom[g], top[g], reached[g])
                if not ended:
                    alive[kept], edge[kept] = g, e
                    below, above = (max(below, e), above) if up else (below, min(above, e))
                    kept += 1
            count = kept
        if unborn < len(born) and born[unborn] == i:
            up, e = side[unborn] > 0, _next_edge(side[unborn], bottom[unborn], top[unborn], 0)
            out[m] = (i, FORMED, unborn)
            alive[count], edge[count] = unborn, e
            below, above = (max(below, e), above) if up else (below, min(above, e))
            count, unborn, m = count + 1, unborn + 1, m + 1
    return out[:m]


def _warm_up(parameters: GapParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return parameters.expiry_bars + 3


register(
    Detector(
        name="fair_value_gap",
        title="Fair value gap",
        gives=WORDS,
        inputs=("atr",),
        parameters=GapParameters,
        output="events",
        warm_up=_warm_up,
        detect=fair_value_gap,
        source="M. J. Huddleston (ICT): three-bar imbalance, consequent encroachment, inversion",
    )
)
