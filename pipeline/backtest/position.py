"""What one bar does to an open position, as compiled kernels in signed prices."""

import numpy as np
from numba import njit

from pipeline.backtest.layout import (
    ADAPTIVE,
    B_CLOSE,
    B_HIGH,
    B_LOW,
    B_OPEN,
    BE,
    DUST,
    MOVE_TO_BE,
    P_ENTRY,
    P_LEFT,
    P_MAE,
    P_MFE,
    P_MOVED,
    P_NEXT,
    P_PAID,
    P_REASON,
    P_SLIPPED,
    P_STOP,
    PESSIMISTIC,
    S1,
    SIDE,
    SL,
    T1,
    T2,
    TP,
)


@njit(cache=True)
def leaving(
    bars: np.ndarray, i: int, side: float, spread: float
) -> tuple[float, float, float, float]:
    """Signed open, high, low, close of the side a position leaves at."""
    if side > 0:
        return bars[B_OPEN, i], bars[B_HIGH, i], bars[B_LOW, i], bars[B_CLOSE, i]
    return (
        -(bars[B_OPEN, i] + spread),
        -(bars[B_LOW, i] + spread),
        -(bars[B_HIGH, i] + spread),
        -(bars[B_CLOSE, i] + spread),
    )


@njit(cache=True)
def entering(bars: np.ndarray, i: int, side: float, spread: float) -> tuple[float, float]:
    """Signed open and low of the side a position enters at."""
    if side > 0:
        return bars[B_OPEN, i] + spread, bars[B_LOW, i] + spread
    return -bars[B_OPEN, i], -bars[B_HIGH, i]


@njit(cache=True)
def leave(p: np.ndarray, share: float, price: float, slip: float, reason: int) -> None:
    """Close `share` of the position at `price`, `slip` worse."""
    p[P_PAID] += share * (price - slip)
    p[P_SLIPPED] += share * slip
    p[P_LEFT] -= share
    p[P_REASON] = reason
    if p[P_LEFT] < DUST:
        p[P_LEFT] = 0.0
    p[P_MAE] = min(p[P_MAE], price - p[P_ENTRY])
    p[P_MFE] = max(p[P_MFE], price - p[P_ENTRY])


@njit(cache=True)
def leave_at_stop(p: np.ndarray, price: float, slip: float) -> None:
    """Close what is left at the stop, which may have been moved to the entry."""
    leave(p, p[P_LEFT], price, slip, BE if p[P_MOVED] > 0 else SL)


@njit(cache=True)
def take_target(p: np.ndarray, plan: np.ndarray, price: float) -> None:
    """Close the next target's share at `price`; move the stop to the entry if the plan says so."""
    first = p[P_NEXT] == 0 and not np.isnan(plan[T2])
    share = min(plan[S1], p[P_LEFT]) if first else p[P_LEFT]
    leave(p, share, price, 0.0, TP)
    p[P_NEXT] += 1
    if first and plan[MOVE_TO_BE] > 0 and p[P_LEFT] > 0 and p[P_STOP] < p[P_ENTRY]:
        p[P_STOP] = p[P_ENTRY]
        p[P_MOVED] = 1.0


@njit(cache=True)
def next_target(p: np.ndarray, plan: np.ndarray) -> float:
    """Signed price of the next target; infinite when none is left."""
    if p[P_LEFT] <= 0:
        return np.inf
    price = plan[T1] if p[P_NEXT] == 0 else plan[T2]
    return np.inf if np.isnan(price) else plan[SIDE] * price


@njit(cache=True)
def at_open(p: np.ndarray, plan: np.ndarray, price: float, slip: float) -> None:
    """Case 1: what the open alone decides."""
    if price <= p[P_STOP]:
        leave_at_stop(p, price, slip)
        return
    while p[P_LEFT] > 0 and price >= next_target(p, plan):
        take_target(p, plan, price)


@njit(cache=True)
def _low_first(o: float, h: float, low: float) -> bool:
    """Adaptive: the extreme nearer the open comes first (ties: the worse one)."""
    return o - low <= h - o


@njit(cache=True)
def inside(
    p: np.ndarray,
    plan: np.ndarray,
    o: float,
    h: float,
    low: float,
    c: float,
    slip: float,
    mode: int,
    targets_count: bool,
) -> None:
    """Case 4: what happens between the open and the close of one bar.

    On a limit's fill bar (`targets_count` false) nobody knows what came before the fill: the stop
    counts, and of the way up only what the close proves. A target that the bar closes beyond was
    passed after the fill and pays its price; left to the next bar's open it would pay more.
    """
    if not targets_count:
        mode, h = PESSIMISTIC, c
    low_first = mode == PESSIMISTIC or (mode == ADAPTIVE and _low_first(o, h, low))
    stopped = low <= p[P_STOP]
    if stopped and (low_first or h < next_target(p, plan)):
        leave_at_stop(p, p[P_STOP], slip)
        return
    while p[P_LEFT] > 0 and h >= next_target(p, plan):
        moved = p[P_MOVED]
        take_target(p, plan, next_target(p, plan))
        if mode == PESSIMISTIC and p[P_MOVED] > moved and p[P_LEFT] > 0 and low <= p[P_STOP]:
            leave_at_stop(p, p[P_STOP], slip)
            return
    # A stop reached in this bar after a target was taken, or one that the close proves.
    after = stopped or c <= p[P_STOP] or (not low_first and mode == ADAPTIVE and low <= p[P_STOP])
    if p[P_LEFT] > 0 and after:
        leave_at_stop(p, p[P_STOP], slip)
        return
    if p[P_LEFT] > 0:
        p[P_MAE] = min(p[P_MAE], low - p[P_ENTRY])
        p[P_MFE] = max(p[P_MFE], h - p[P_ENTRY])


@njit(cache=True)
def contested(p: np.ndarray, plan: np.ndarray, h: float, low: float, targets_count: bool) -> bool:
    """Whether the order of events inside the bar matters (and lower bars should tell)."""
    target = next_target(p, plan)
    if h < target:
        return False
    if not targets_count or low <= p[P_STOP]:
        return True
    partial = p[P_NEXT] == 0 and not np.isnan(plan[T2])
    return bool(partial and plan[MOVE_TO_BE] > 0 and low <= p[P_ENTRY])
