"""Labels of direction: which of two barriers around a close is reached first.

Lopez de Prado (2018), chapter 3, with the house's rule for ties: the lower one wins.
"""

from dataclasses import dataclass

import numpy as np

ATR_BARS = 14
BARRIER_ATR = 1.25
HORIZON = 48
"""Bars that a label may take; with barriers this near almost all are decided in twenty."""


@dataclass(frozen=True)
class Barriers:
    """Labels, none of which overlaps another.

    Attributes
    ----------
    at, until
        Row numbers of bars: known at the close of `at`, resolved at the close of `until`.
    y
        1 where the upper barrier came first.
    rr
        What a long trade from close to barrier earned, in distances to the barrier, after fees.
    cost
        The fees of each, in the same unit.
    """

    at: np.ndarray
    until: np.ndarray
    y: np.ndarray
    rr: np.ndarray
    cost: np.ndarray


def true_range_mean(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, bars: int = ATR_BARS
) -> np.ndarray:
    """Return the mean true range of the last `bars` bars at each bar; NaN for the first ones."""
    before = np.concatenate([close[:1], close[:-1]])
    true = np.maximum(high, before) - np.minimum(low, before)
    found = np.full(len(close), np.nan)
    if len(close) > bars:
        windows = np.lib.stride_tricks.sliding_window_view(true, bars)
        found[bars:] = windows[1:].mean(axis=1)
    return found


def label_directions(
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    usable: np.ndarray,
    fee: float,
) -> Barriers:
    """Label one close after the other, each after what resolved the one before.

    Parameters
    ----------
    usable
        Whether a label may begin at a bar, and whether a bar may be part of one is for the next:
        False also ends a label that reaches it, unlabelled.
    fee
        Share of the value paid on each side.

    Notes
    -----
    Barriers lie `BARRIER_ATR` mean true ranges of the last 14 bars above and below the close. A
    bar that reaches both counts as the lower one; neither reached within `HORIZON` bars is 0, as
    the target was not reached. What is not decided by the last bar has no label. Labels do not
    overlap, so that no outcome counts twice.
    """
    distance = BARRIER_ATR * true_range_mean(high, low, close)
    rows: list[tuple[int, int, int, float, float]] = []
    i, n = ATR_BARS, len(close)
    while i < n - 1:
        if not usable[i] or not distance[i] > 0:
            i += 1
            continue
        row = _resolve(i, high, low, close, distance[i], fee)
        if row is None:
            break  # a later start that is decided by now would be chosen for being quick
        until = row[1]
        if usable[i : until + 1].all():
            rows.append(row)
        i = until + 1
    columns = np.array(rows, dtype="float64").reshape(-1, 5)
    return Barriers(
        at=columns[:, 0].astype("int64"),
        until=columns[:, 1].astype("int64"),
        y=columns[:, 2].astype("int64"),
        rr=columns[:, 3],
        cost=columns[:, 4],
    )


def _resolve(
    i: int, high: np.ndarray, low: np.ndarray, close: np.ndarray, distance: float, fee: float
) -> tuple[int, int, int, float, float] | None:
    """Return the label that begins at bar `i`; None: its bars are not all there yet."""
    entry, last = close[i], i + HORIZON
    up = high[i + 1 : last + 1] >= entry + distance
    down = low[i + 1 : last + 1] <= entry - distance
    touched = np.flatnonzero(up | down)
    if len(touched):
        j = int(touched[0])
        y = int(not down[j])
        gross = 1.0 if y else -1.0
        until = i + 1 + j
    elif last < len(close):
        y, until = 0, last
        gross = float((close[last] - entry) / distance)
    else:
        return None
    cost = float(fee * (2 * entry + gross * distance) / distance)
    return i, until, y, gross - cost, cost
