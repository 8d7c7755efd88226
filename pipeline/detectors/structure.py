"""The market's turns: swings, breaks of structure, and engulfing bars."""

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

SWING_WORDS = ("high", "low")
SWING_EXTRAS = {"price": "float64", "pivot_bar": "int64"}
BREAK_WORDS = ("bos", "choch")
BREAK_EXTRAS = {
    "level": "float64",
    "pivot_bar": "int64",
    "trend_before": "int64",
    "trend_after": "int64",
    "strength": "float64",
}
ENGULFING_WORDS = ("formed",)


class SwingParameters(Parameters):
    """Parameters of `swing`."""

    k: int = Field(default=5, ge=1, le=100, description="bars on either side of the turn")


@njit(cache=True)
def _pivots(price: np.ndarray, k: int) -> np.ndarray:
    """Return the rows whose price is above the k before and not below the k after."""
    rows = np.empty(len(price), dtype=np.int64)
    m = 0
    for i in range(k, len(price) - k):
        is_turn = True
        for d in range(1, k + 1):
            if price[i - d] >= price[i] or price[i + d] > price[i]:
                is_turn = False
                break
        if is_turn:
            rows[m] = i
            m += 1
    return rows[:m]


def swing(
    bars: BarTable,
    parameters: SwingParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return swing highs (side −1) and lows (side +1), known k bars after the turn.

    A high counts if it is above every high of the k bars before and not below any of the k
    bars after: of a flat top the first bar is the turn. Lows are the mirror image.

    Notes
    -----
    `pivot_bar` is the row of the turn, `bar` = `pivot_bar` + k. `zone_id` is 2 × `pivot_bar`,
    + 1 for a low, since one bar may be both.
    """
    if len(bars) == 0:
        return empty_events(**SWING_EXTRAS)
    high, low = column(bars, "high"), column(bars, "low")
    highs, lows = _pivots(high, parameters.k), _pivots(-low, parameters.k)
    pivot = np.concatenate([highs, lows])
    if len(pivot) == 0:
        return empty_events(**SWING_EXTRAS)
    code = np.repeat([0, 1], [len(highs), len(lows)])
    order = np.argsort(2 * pivot + code, kind="stable")
    pivot, code = pivot[order], code[order]
    price = np.where(code == 0, high[pivot], low[pivot])
    values = {
        "side": 2 * code - 1,
        "start": pivot,
        "price_low": price,
        "price_high": price,
        "zone_id": 2 * pivot + code,
        "price": price,
        "pivot_bar": pivot,
    }
    return events_at(bars, pivot + parameters.k, (SWING_WORDS, code), values)


class StructureParameters(Parameters):
    """Parameters of `structure`."""

    break_mode: Literal["close", "wick"] = Field(
        default="close", description="what must lie beyond the swing: the close, or any price"
    )
    memory_bars: int = Field(
        default=200,
        ge=10,
        le=5000,
        description="bars after which a swing, or a trend without a new break, is forgotten",
    )


def structure(
    bars: BarTable,
    parameters: StructureParameters,
    inputs: Inputs,
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return breaks of structure (with the trend) and changes of character (against it).

    The level is the last confirmed swing high (low for a break down). Each swing is used up
    by its break; then nothing can break on that side until the next swing is confirmed. The
    trend is the direction of the last break; a break without a trend before it is a `bos`.

    Notes
    -----
    `trend_before` and `trend_after` are −1, 0 or +1; `strength` is how far the close lies
    beyond the level (≤ 0 for a wick that came back), in ranges of the breaking bar.

    A bar that breaks both sides (wicks, or a close beyond two crossed swings) is read as
    having gone against its body first: the break in the body's direction comes last.

    Warning
    -------
    Traders who keep older unbroken swings on the chart see more breaks than this. Forgetting
    after `memory_bars` is what bounds the look-back; see the tests for how seldom it matters.
    """
    swings = inputs["swings"]
    if len(swings) == 0 or len(bars) == 0:
        return empty_events(**BREAK_EXTRAS)
    opened, high, low, close = (column(bars, name) for name in ("open", "high", "low", "close"))
    reach = (close, close) if parameters.break_mode == "close" else (high, low)
    found = _breaks(
        opened,
        close,
        *reach,
        swings.bar,
        swings.side,
        swings["price"],
        parameters.memory_bars,
    )
    if len(found) == 0:
        return empty_events(**BREAK_EXTRAS)
    bar, side, row, before = np.ascontiguousarray(found.T)
    level = swings["price"][row]
    pivot = swings["pivot_bar"][row]
    extent = (high - low)[bar]
    values = {
        "side": side,
        "start": pivot,
        "price_low": level,
        "price_high": level,
        "zone_id": np.arange(len(bar), dtype="int64"),
        "level": level,
        "pivot_bar": pivot,
        "trend_before": before,
        "trend_after": side,
        "strength": side * (close[bar] - level) / np.where(extent > 0, extent, np.inf),
    }
    return events_at(bars, bar, (BREAK_WORDS, (before == -side).astype("int64")), values)


@njit(cache=True)
def _breaks(
    opened: np.ndarray,
    close: np.ndarray,
    up_reach: np.ndarray,
    down_reach: np.ndarray,
    known: np.ndarray,
    swing_side: np.ndarray,
    price: np.ndarray,
    memory: int,
) -> np.ndarray:
    """Return rows (bar, side, swing's row, trend before) of the breaks as they happen."""
    out = np.empty((len(known), 4), dtype=np.int64)
    last = np.full(2, -1, dtype=np.int64)  # row of the unbroken swing: [0] a high, [1] a low
    trend, broke_at, m, s = 0, -1, 0, 0
    for i in range(len(close)):
        first_side = -1 if close[i] >= opened[i] else 1
        for side in (first_side, -first_side):
            slot = 0 if side > 0 else 1
            row = last[slot]
            if row < 0 or i - known[row] > memory:
                continue
            beyond = up_reach[i] > price[row] if side > 0 else down_reach[i] < price[row]
            if not beyond:
                continue
            before = trend if i - broke_at <= memory else 0
            out[m] = (i, side, row, before)
            trend, broke_at, m, last[slot] = side, i, m + 1, -1
        while s < len(known) and known[s] == i:  # known at this close: breakable from the next
            last[0 if swing_side[s] < 0 else 1] = s
            s += 1
    return out[:m]


class EngulfingParameters(Parameters):
    """Parameters of `engulfing`: none."""


def engulfing(
    bars: BarTable,
    parameters: EngulfingParameters,  # noqa: ARG001
    inputs: Inputs,  # noqa: ARG001
    instrument: Instrument,  # noqa: ARG001
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return the bars whose body covers the opposite body before them entirely.

    Notes
    -----
    The bodies may share one edge, not both: two equal bodies are a stand-off. A bar without a
    body is no opposite. The zone is the engulfing bar's body, `zone_id` its row.
    """
    opened, close = column(bars, "open"), column(bars, "close")
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    side = np.sign(close - opened).astype("int64")
    covers = (top[1:] >= top[:-1]) & (bottom[1:] <= bottom[:-1])
    wider = (top[1:] > top[:-1]) | (bottom[1:] < bottom[:-1])
    bar = np.flatnonzero((side[1:] * side[:-1] == -1) & covers & wider) + 1
    if len(bar) == 0:
        return empty_events()
    values = {
        "side": side[bar],
        "start": bar,
        "price_low": bottom[bar],
        "price_high": top[bar],
        "zone_id": bar,
    }
    return events_at(bars, bar, (ENGULFING_WORDS, np.zeros(len(bar), dtype="int64")), values)


def _swing_warm_up(parameters: SwingParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return 2 * parameters.k + 1


def _structure_warm_up(parameters: StructureParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return 2 * parameters.memory_bars + 2


def _engulfing_warm_up(parameters: EngulfingParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return 2


register(
    Detector(
        name="swing",
        title="Swing high or low",
        gives=SWING_WORDS,
        inputs=(),
        parameters=SwingParameters,
        output="events",
        warm_up=_swing_warm_up,
        detect=swing,
        source="Bill Williams' fractal with k bars on either side; known k bars later",
    )
)
register(
    Detector(
        name="structure",
        title="Break of structure or change of character",
        gives=BREAK_WORDS,
        inputs=("swings",),
        parameters=StructureParameters,
        output="events",
        warm_up=_structure_warm_up,
        detect=structure,
        source="smart-money structure as LuxAlgo draws it: the last pivot, crossed once",
    )
)
register(
    Detector(
        name="engulfing",
        title="Engulfing bar",
        gives=ENGULFING_WORDS,
        inputs=(),
        parameters=EngulfingParameters,
        output="events",
        warm_up=_engulfing_warm_up,
        detect=engulfing,
        source="Steve Nison, Japanese Candlestick Charting Techniques; equal bodies as in TA-Lib",
    )
)
