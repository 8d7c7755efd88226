"""Where a strong break of structure began: order blocks, and what becomes of them."""

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

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

WORDS = ("formed", "touched", "invalidated", "breaker", "expired")
FORMED, TOUCHED, INVALIDATED, BREAKER, EXPIRED = range(5)
EXTRAS = {
    "level": "float64",
    "size_atr": "float64",
    "origin_bar": "int64",
    "formed_bar": "int64",
}


class OrderBlockParameters(Parameters):
    """Parameters of `order_block`."""

    extent: Literal["range", "body"] = Field(
        default="range", description="what the zone is: the bar's low to high, or its body"
    )
    within_bars: int = Field(
        default=3, ge=0, le=50, description="bars between the break and its displacement at most"
    )
    search_bars: int = Field(
        default=10, ge=1, le=100, description="bars before the displacement the block may lie"
    )
    expiry_bars: int = Field(
        default=500, ge=1, le=5000, description="bars until a block is forgotten"
    )


def order_block(
    bars: BarTable,
    parameters: OrderBlockParameters,
    inputs: Inputs,
    instrument: Instrument,  # noqa: ARG001 - every detector has one signature
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return the last opposite bar before each structure break with displacement, and its life.

    A break of ``inputs["structure"]`` is one with displacement if a run of
    ``inputs["displacements"]`` of its side began by the breaking bar and got known at most
    `within_bars` bars before or after it: the last one known by the break, else the first one
    after. The block is the last bar before that run that closed against it, at most
    `search_bars` before it. Its side is the break's. Later, at most once each:

    formed       known at the break, or at the displacement where its gap comes later
    touched      a later bar reaches the near edge (inclusive: a limit there may be filled)
    invalidated  a bar *closes* beyond the far edge; from then on it acts the other way: `side`
                 is the opposite of the birth's
    breaker      after that, a bar comes back and reaches the block from the other side
                 (inclusive). Ends the block.
    expired      `expiry_bars` passed without that. Ends the block.

    Notes
    -----
    A bar is a block once, at the first break that makes it one. `zone_id` and `origin_bar` are
    its row; `level` is the broken swing, `size_atr` the displacement's net body in ATR. A bar
    without a body is no opposite.
    """
    breaks, runs = inputs["structure"], inputs["displacements"]
    if len(breaks) == 0 or len(runs) == 0:
        return empty_events(**EXTRAS)
    opened, high, low, close = (column(bars, name) for name in ("open", "high", "low", "close"))
    found = _births(
        np.sign(close - opened),
        (breaks.bar, breaks.side),
        (runs.bar, runs.side, runs["first_bar"]),
        (parameters.within_bars, parameters.search_bars),
    )
    if len(found) == 0:
        return empty_events(**EXTRAS)
    known, origin, side, row, run = np.ascontiguousarray(_first_of_each(found).T)
    bottom, top = low[origin], high[origin]
    if parameters.extent == "body":
        bottom, top = np.minimum(opened, close)[origin], np.maximum(opened, close)[origin]
    lives = _lives((high, low, close), (known, side), bottom, top, parameters.expiry_bars)
    bar, word, b = lives[np.lexsort((lives[:, 1], origin[lives[:, 2]], lives[:, 0]))].T
    turned = (word == INVALIDATED) | (word == BREAKER)
    values = {
        "side": np.where(turned, -side[b], side[b]),
        "start": origin[b],
        "price_low": bottom[b],
        "price_high": top[b],
        "zone_id": origin[b],
        "level": breaks["level"][row[b]],
        "size_atr": runs["size_atr"][run[b]],
        "origin_bar": origin[b],
        "formed_bar": known[b],
    }
    return events_at(bars, bar, (WORDS, word), values)


@njit(cache=True)
def _births(
    colour: np.ndarray,
    breaks: tuple[np.ndarray, np.ndarray],
    runs: tuple[np.ndarray, np.ndarray, np.ndarray],
    rules: tuple[int, int],
) -> np.ndarray:
    """Return rows (known bar, block's bar, side, break's row, run's row), break by break."""
    broke, break_side = breaks
    within, search = rules
    out = np.empty((len(broke), 5), dtype=np.int64)
    m = 0
    for b in range(len(broke)):
        run = _run_of(broke[b], break_side[b], runs, within)
        if run < 0:
            continue
        begin = runs[2][run]
        for i in range(begin - 1, max(begin - search, 0) - 1, -1):
            if colour[i] == -break_side[b]:
                out[m] = (max(broke[b], runs[0][run]), i, break_side[b], b, run)
                m += 1
                break
    return out[:m]


@njit(cache=True)
def _run_of(
    broke: int, side: int, runs: tuple[np.ndarray, np.ndarray, np.ndarray], within: int
) -> int:
    """Return the row of a break's run: the last one known by it, else the first after; or −1."""
    known, run_side, begin = runs
    chosen = -1
    for r in range(np.searchsorted(known, broke - within), len(known)):
        late = known[r] > broke
        if known[r] > broke + within or (late and chosen >= 0):
            break
        if run_side[r] == side and begin[r] <= broke:
            chosen = r
            if late:
                break
    return chosen


def _first_of_each(found: np.ndarray) -> np.ndarray:
    """Return the births by (known bar, block's bar), each block's first one only."""
    ordered = found[np.lexsort((found[:, 1], found[:, 0]))]
    _, first = np.unique(ordered[:, 1], return_index=True)
    return np.asarray(ordered[np.sort(first)])


@njit(cache=True)
def _lives(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray],
    born: tuple[np.ndarray, np.ndarray],
    bottom: np.ndarray,
    top: np.ndarray,
    expiry: int,
) -> np.ndarray:
    """Return rows (bar, word, block) of all events, block by block."""
    high, low, close = prices
    known, sides = born
    out = np.empty((len(known) * len(WORDS), 3), dtype=np.int64)
    m = 0
    for b in range(len(known)):
        out[m] = (known[b], FORMED, b)
        m += 1
        touched, broken, up = False, False, sides[b] > 0
        for i in range(known[b] + 1, min(len(close), known[b] + expiry + 1)):
            if broken:
                if high[i] >= bottom[b] if up else low[i] <= top[b]:
                    out[m] = (i, BREAKER, b)
                    m += 1
                    break
            else:
                if not touched and (low[i] <= top[b] if up else high[i] >= bottom[b]):
                    touched = True
                    out[m] = (i, TOUCHED, b)
                    m += 1
                if close[i] < bottom[b] if up else close[i] > top[b]:
                    broken = True
                    out[m] = (i, INVALIDATED, b)
                    m += 1
            if i - known[b] == expiry:
                out[m] = (i, EXPIRED, b)
                m += 1
    return out[:m]


def _warm_up(parameters: OrderBlockParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return parameters.expiry_bars + 2 * parameters.within_bars + parameters.search_bars + 13


register(
    Detector(
        name="order_block",
        title="Order block",
        gives=WORDS,
        inputs=("structure", "displacements"),
        parameters=OrderBlockParameters,
        output="events",
        warm_up=_warm_up,
        detect=order_block,
        source="M. J. Huddleston (ICT): order block, mitigation, breaker block",
    )
)
