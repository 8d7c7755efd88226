"""What one bar does to one order or position: the fill rules as compiled kernels.

Everything runs in *signed* prices: a short is the long of the negated market, so that each rule
stands here once. Bars are bid; a long enters at the ask and leaves at the bid, a short enters
at the bid and leaves at the ask. The cases, in the order in which they are judged on each bar:

1. a stop or target already passed at the open fills at the open;
2. a bracket on the wrong side of the fill is refused;
3. on the entry bar the stop counts; the target doesn't on a limit's fill bar, unless M1 bars or
   the bar's close prove that it came after the fill;
4. stop and target in one bar: by `mode`, or by the M1 bars inside it;
5. partial targets, break-even, time exit, session end, expiry, voids.
"""

import numpy as np
from numba import njit

from pipeline.backtest.drill import drill, sub_range
from pipeline.backtest.layout import (
    AT_OPEN,
    B_CLOSE,
    B_END,
    B_HIGH,
    B_LOW,
    B_NIGHTS,
    B_SPREAD,
    B_TIME,
    BUSY,
    CLOSE_ABOVE,
    CLOSE_BELOW,
    DRILLDOWN,
    EXPIRED,
    EXPIRES,
    FLAT,
    HOLD,
    INSIDE,
    INVALID,
    LIMIT,
    NO_BARS,
    O_ENTRY_BAR,
    O_ENTRY_PRICE,
    O_ENTRY_SLIPPED,
    O_ENTRY_TIME,
    O_EXIT_BAR,
    O_EXIT_PRICE,
    O_EXIT_TIME,
    O_FIRST,
    O_LEFT,
    O_MAE,
    O_MFE,
    O_NIGHTS,
    O_SLIPPED,
    O_SPREAD,
    O_STATE,
    OPTIMISTIC,
    OUTCOME_WIDTH,
    P_ENTRY,
    P_LEFT,
    P_MAE,
    P_MFE,
    P_NEXT,
    P_NIGHTS,
    P_PAID,
    P_REASON,
    P_SLIPPED,
    P_SPREAD,
    P_STOP,
    P_WIDTH,
    PESSIMISTIC,
    REFUSED,
    SESSION_END,
    SIDE,
    START,
    STOP,
    T1,
    TIME,
    TOUCH_ABOVE,
    TOUCH_BELOW,
    UNFILLED,
    VOID,
)
from pipeline.backtest.position import at_open, contested, entering, inside, leave, leaving


@njit(cache=True)
def _try_fill(p: np.ndarray, plan: np.ndarray, bars: np.ndarray, i: int, slip: float) -> int:
    """Open the position if the order trades on bar i; say how it met the bar.

    Market orders slip; a limit fills at its price, or at a better open.
    """
    side = plan[SIDE]
    opened, low = entering(bars, i, side, bars[B_SPREAD, i])
    limit = side * plan[LIMIT]
    if np.isnan(limit):
        price, how = opened + slip, AT_OPEN
    elif opened <= limit:
        price, how = opened, AT_OPEN
    elif low <= limit:
        price, how = limit, INSIDE
    else:
        return UNFILLED
    if side * plan[STOP] >= price or side * plan[T1] <= price:
        return REFUSED
    p[:] = 0.0
    p[P_LEFT], p[P_ENTRY], p[P_STOP] = 1.0, price, side * plan[STOP]
    return how


@njit(cache=True)
def _voided(plan: np.ndarray, bars: np.ndarray, i: int) -> bool:
    """Whether a closed bar cancels an order that has not filled (comparisons with NaN fail)."""
    return (
        bars[B_LOW, i] < plan[TOUCH_BELOW]
        or bars[B_HIGH, i] > plan[TOUCH_ABOVE]
        or bars[B_CLOSE, i] < plan[CLOSE_BELOW]
        or bars[B_CLOSE, i] > plan[CLOSE_ABOVE]
    )


@njit(cache=True)
def _close(
    out: np.ndarray, p: np.ndarray, plan: np.ndarray, bars: np.ndarray, i: int, when: float
) -> None:
    """Write a finished position to its outcome row."""
    out[O_STATE], out[O_LEFT] = p[P_REASON], 0.0
    out[O_EXIT_BAR] = i
    out[O_EXIT_PRICE] = plan[SIDE] * p[P_PAID]
    out[O_EXIT_TIME] = when
    out[O_MAE], out[O_MFE], out[O_SLIPPED] = p[P_MAE], p[P_MFE], p[P_SLIPPED]
    out[O_NIGHTS] = p[P_NIGHTS]
    out[O_SPREAD] = p[P_SPREAD] if plan[SIDE] < 0 else bars[B_SPREAD, int(out[O_ENTRY_BAR])]


@njit(cache=True)
def _dead(out: np.ndarray, state: int, when: float) -> None:
    out[O_STATE] = state
    out[O_EXIT_TIME] = when


@njit(cache=True)
def _carry(
    p: np.ndarray,
    plan: np.ndarray,
    bars: np.ndarray,
    i: int,
    minutes: np.ndarray,
    slip: float,
    mode: int,
    how: int,
) -> tuple[int, int]:
    """Carry an open position through the inside of bar i; `how` says if it filled there.

    Return the M1 rows of the fill and of the last thing that happened, −1 where M1 bars did not
    decide.
    """
    spread = bars[B_SPREAD, i]
    o, h, low, c = leaving(bars, i, plan[SIDE], spread)
    whole = how != INSIDE
    if mode != DRILLDOWN:
        inside(p, plan, o, h, low, c, slip, mode, whole or mode == OPTIMISTIC)
        return -1, -1
    if contested(p, plan, h, low, whole):
        a, b = sub_range(bars, i, minutes)
        if a < b:
            return drill(p, plan, minutes, a, b, spread, slip, whole)
    inside(p, plan, o, h, low, c, slip, PESSIMISTIC, whole)
    return -1, -1


@njit(cache=True)
def _enter(p: np.ndarray, plan: np.ndarray, bars: np.ndarray, slip: float, out: np.ndarray) -> int:
    """Wait for the fill. Return its bar with `out`'s entry written, or −1 with its end.

    An order whose hour lies inside a bar isn't filled in it: nobody knows in which part.
    """
    start = np.searchsorted(bars[B_TIME], plan[START])
    _dead(out, NO_BARS, plan[START])
    for i in range(start, bars.shape[1]):
        if bars[B_END, i] > plan[FLAT] or bars[B_END, i] > plan[EXPIRES]:
            _dead(out, EXPIRED, bars[B_TIME, i])
            return -1
        how = _try_fill(p, plan, bars, i, slip)
        if how == REFUSED:
            _dead(out, INVALID, bars[B_TIME, i])
            return -1
        if how != UNFILLED:
            out[O_ENTRY_BAR] = i
            out[O_ENTRY_PRICE] = plan[SIDE] * p[P_ENTRY]
            out[O_ENTRY_TIME] = bars[B_TIME, i]
            out[O_ENTRY_SLIPPED] = slip if np.isnan(plan[LIMIT]) else 0.0
            out[O_STATE] = how
            return i
        if _voided(plan, bars, i):
            _dead(out, VOID, bars[B_END, i])
            return -1
    return -1


@njit(cache=True)
def _leave_by_clock(
    p: np.ndarray, plan: np.ndarray, bars: np.ndarray, i: int, price: float, slip: float
) -> None:
    """Case 5: flat *by* the hour, so at the open of the bar in which it lies; or held too long."""
    if bars[B_END, i] > plan[FLAT]:
        leave(p, p[P_LEFT], price, slip, SESSION_END)
    elif bars[B_TIME, i] >= plan[HOLD]:
        leave(p, p[P_LEFT], price, slip, TIME)


@njit(cache=True)
def run_plan(
    plan: np.ndarray,
    bars: np.ndarray,
    minutes: np.ndarray,
    slip: float,
    mode: int,
    out: np.ndarray,
) -> None:
    """Follow one plan from its first bar to its end; write the outcome row `out`."""
    out[:] = np.nan
    p = np.zeros(P_WIDTH)
    first = _enter(p, plan, bars, slip, out)
    if first < 0:
        return
    how = int(out[O_STATE])
    for i in range(first, bars.shape[1]):
        when, left = bars[B_TIME, i], p[P_LEFT]
        o, _h, _low, _c = leaving(bars, i, plan[SIDE], bars[B_SPREAD, i])
        if how != INSIDE:
            at_open(p, plan, o, slip)
        if p[P_LEFT] > 0 and i > first:
            _leave_by_clock(p, plan, bars, i, o, slip)
        if p[P_LEFT] > 0:
            filled, last = _carry(p, plan, bars, i, minutes, slip, mode, how)
            when = minutes[B_TIME, last] if last >= 0 else when
            if how == INSIDE and filled >= 0:
                out[O_ENTRY_TIME] = minutes[B_TIME, filled]
        p[P_SPREAD] += (left - p[P_LEFT]) * bars[B_SPREAD, i]
        p[P_NIGHTS] += (left - p[P_LEFT]) * (bars[B_NIGHTS, i] - bars[B_NIGHTS, first])
        if p[P_LEFT] <= 0:
            _close(out, p, plan, bars, i, when)
            return
        if p[P_NEXT] > 0 and np.isnan(out[O_FIRST]):
            out[O_FIRST] = when
        how = UNFILLED
    end = bars.shape[1] - 1
    _o, _h, _low, close = leaving(bars, end, plan[SIDE], bars[B_SPREAD, end])
    p[P_SPREAD] += p[P_LEFT] * bars[B_SPREAD, end]
    p[P_NIGHTS] += p[P_LEFT] * (bars[B_NIGHTS, end] - bars[B_NIGHTS, first])
    left = p[P_LEFT]
    leave(p, left, close, slip, TIME)
    _close(out, p, plan, bars, end, bars[B_END, end])
    out[O_LEFT] = left


@njit(cache=True)
def run_plans(
    plans: np.ndarray,
    bars: np.ndarray,
    minutes: np.ndarray,
    slip: float,
    mode: int,
    one_at_a_time: bool,
) -> np.ndarray:
    """Follow all plans, in the order given (by START). Return one outcome row each.

    With `one_at_a_time` a plan that becomes known while an earlier one still rests or runs is
    left out as BUSY.
    """
    out = np.empty((len(plans), OUTCOME_WIDTH))
    busy_until = -np.inf
    for k in range(len(plans)):
        if one_at_a_time and plans[k, START] < busy_until:
            out[k, :] = np.nan
            _dead(out[k], BUSY, plans[k, START])
            continue
        run_plan(plans[k], bars, minutes, slip, mode, out[k])
        ends = out[k, O_EXIT_TIME]
        if not np.isnan(out[k, O_EXIT_BAR]):
            ends = bars[B_END, int(out[k, O_EXIT_BAR])]
        busy_until = max(busy_until, ends)
    return out
