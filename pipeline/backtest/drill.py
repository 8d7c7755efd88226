"""A bar whose order of prices decides a trade, replayed by the M1 bars inside it."""

import numpy as np
from numba import njit

from pipeline.backtest.layout import (
    B_END,
    B_HIGH,
    B_LOW,
    B_TIME,
    DUST,
    P_ENTRY,
    P_LEFT,
    PESSIMISTIC,
    SIDE,
)
from pipeline.backtest.position import at_open, entering, inside, leaving


@njit(cache=True)
def sub_range(bars: np.ndarray, i: int, minutes: np.ndarray) -> tuple[int, int]:
    """Rows [a, b) of the M1 bars inside bar i if they reproduce its extremes, else none."""
    a = np.searchsorted(minutes[B_TIME], bars[B_TIME, i])
    b = np.searchsorted(minutes[B_TIME], bars[B_END, i])
    if a == b:
        return 0, 0
    tolerance = DUST * bars[B_HIGH, i]
    high_holds = abs(minutes[B_HIGH, a:b].max() - bars[B_HIGH, i]) <= tolerance
    low_holds = abs(minutes[B_LOW, a:b].min() - bars[B_LOW, i]) <= tolerance
    return (a, b) if high_holds and low_holds else (0, 0)


@njit(cache=True)
def drill(
    p: np.ndarray,
    plan: np.ndarray,
    minutes: np.ndarray,
    a: int,
    b: int,
    spread: float,
    slip: float,
    filled: bool,
) -> tuple[int, int]:
    """Replay a contested bar by its M1 bars, stop first inside each.

    A limit that filled inside the bar keeps its price, also where a minute opened better.
    """
    first, last = -1, a
    for j in range(a, b):
        whole = True
        if not filled:
            opened, low = entering(minutes, j, plan[SIDE], spread)
            if low > p[P_ENTRY]:
                continue
            filled, whole = True, opened <= p[P_ENTRY]
            first = last = j
        o, h, low, c = leaving(minutes, j, plan[SIDE], spread)
        left = p[P_LEFT]
        if whole:
            at_open(p, plan, o, slip)
        if p[P_LEFT] > 0:
            inside(p, plan, o, h, low, c, slip, PESSIMISTIC, whole)
        if p[P_LEFT] < left:
            last = j
        if p[P_LEFT] <= 0:
            break
    return first, last
