"""Moves of one will: short runs of one colour that leave a gap behind."""

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

WORDS = ("formed",)
EXTRAS = {
    "size": "float64",
    "size_atr": "float64",
    "body_share": "float64",
    "bars_long": "int64",
    "gap_low": "float64",
    "gap_high": "float64",
    "first_bar": "int64",
    "formed_bar": "int64",
}
GRAIN = 1e-6  # of a tick: 1.10151 − 0.00001 isn't quite 1.1015 in binary


class DisplacementParameters(Parameters):
    """Parameters of `displacement`."""

    min_body_atr: float = Field(
        default=1.5, ge=0, description="smallest net body of the run, in ATR before it"
    )
    min_body_share: float = Field(
        default=0.6, ge=0, le=1, description="smallest net body as a share of the run's range"
    )
    max_bars: int = Field(default=3, ge=1, le=10, description="bars of the run at most")

    @property
    def rules(self) -> tuple[float, float, int]:
        """What the kernel needs: ATRs, a share of the range, a count."""
        return self.min_body_atr, self.min_body_share, self.max_bars


def displacement(
    bars: BarTable,
    parameters: DisplacementParameters,
    inputs: Inputs,
    instrument: Instrument,
    timeframe: Timeframe,  # noqa: ARG001 - every detector has one signature
) -> Events:
    """Return the strong runs behind fair value gaps, known when the gap is.

    A run is up to `max_bars` neighbouring bars of one colour that hold the gap's middle bar and
    end with it or with the gap's third bar. It is a displacement if its net body (first open to
    last close) is at least `min_body_atr` × the ATR at the bar before it and at least
    `min_body_share` of its range. Of several such runs the one with the largest net body is
    told, of equal ones the shortest.

    Notes
    -----
    One event for each gap of ``inputs["gaps"]``: a longer move with several gaps is said
    several times. The ATR is the one before the run because the run itself widens it. A bar
    without a body, or a hole of 30 minutes or more, ends a run. `size` is the net body, in
    price; `size_atr` in that ATR; `bars_long` counts the run's bars. The zone is the run's
    range, `zone_id` and `formed_bar` the row of the gap's third bar.
    """
    gaps = inputs["gaps"]
    formed = gaps.rows(("formed",))
    if len(formed) == 0:
        return empty_events(**EXTRAS)
    third, side, gap_low, gap_high = (
        gaps[name][formed] for name in ("bar", "side", "price_low", "price_high")
    )
    prices = tuple(column(bars, name) for name in ("open", "high", "low", "close"))
    rules, atr = (*parameters.rules, GRAIN * instrument.tick_size), np.asarray(inputs["atr"])
    first, last = _runs(prices, after_hole(bars), atr, (third, side), rules)
    rows = np.flatnonzero(first >= 0)
    if len(rows) == 0:
        return empty_events(**EXTRAS)
    first, last, third, side = first[rows], last[rows], third[rows], side[rows]
    top, bottom = _extremes(prices[1], prices[2], first, last)
    body = side * (prices[3][last] - prices[0][first])
    values = {
        "side": side,
        "start": first,
        "price_low": bottom,
        "price_high": top,
        "zone_id": third,
        "size": body,
        "size_atr": body / atr[first - 1],
        "body_share": body / (top - bottom),
        "bars_long": last - first + 1,
        "gap_low": gap_low[rows],
        "gap_high": gap_high[rows],
        "first_bar": first,
        "formed_bar": third.copy(),
    }
    return events_at(bars, third, (WORDS, np.zeros(len(rows), dtype="int64")), values)


@njit(cache=True)
def _extremes(
    high: np.ndarray, low: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    top, bottom = np.empty(len(first)), np.empty(len(first))
    for r in range(len(first)):
        top[r] = high[first[r] : last[r] + 1].max()
        bottom[r] = low[first[r] : last[r] + 1].min()
    return top, bottom


@njit(cache=True)
def _runs(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    hole: np.ndarray,
    atr: np.ndarray,
    gaps: tuple[np.ndarray, np.ndarray],
    rules: tuple[float, float, int, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last row of each gap's run, −1 where none is strong enough."""
    third, sides = gaps
    first, last = np.full(len(third), -1), np.full(len(third), -1)
    for g in range(len(third)):
        best = -np.inf
        # Shortest first, so that of equal bodies the shortest run stays.
        for length in range(1, rules[2] + 1):
            for end in (third[g] - 1, third[g]):
                begin = end - length + 1
                if begin < 1 or begin > third[g] - 1:
                    continue
                body = _body(prices, hole, atr[begin - 1], (begin, end, sides[g]), rules)
                if body > best:
                    best, first[g], last[g] = body, begin, end
    return first, last


@njit(cache=True)
def _body(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    hole: np.ndarray,
    unit: float,
    run: tuple[int, int, int],
    rules: tuple[float, float, int, float],
) -> float:
    """Return the net body of a run, minus infinity if it is no displacement."""
    opened, high, low, close = prices
    begin, end, side = run
    min_atr, min_share, _, grain = rules
    top, bottom = -np.inf, np.inf
    for i in range(begin, end + 1):
        if side * (close[i] - opened[i]) <= 0 or (i > begin and hole[i]):
            return -np.inf
        top, bottom = max(top, high[i]), min(bottom, low[i])
    body = side * (close[end] - opened[begin])
    strong = body + grain >= min_atr * unit and body + grain >= min_share * (top - bottom)
    return body if strong else -np.inf


def _warm_up(parameters: DisplacementParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return parameters.max_bars + 3


register(
    Detector(
        name="displacement",
        title="Displacement: a strong run that leaves a gap",
        gives=WORDS,
        inputs=("gaps", "atr"),
        parameters=DisplacementParameters,
        output="events",
        warm_up=_warm_up,
        detect=displacement,
        source="M. J. Huddleston (ICT): displacement, an energetic move that leaves an imbalance",
    )
)
