"""Measures of a few bars, the same to the last bit wherever they are taken.

Sums are exactly rounded (`fsum`), so that no order of adding and no machine shows in them, and all
of them double when prices double.
"""

from collections.abc import Sequence
from math import fsum, isfinite

import numpy as np

from pipeline.detectors.base import HOLE_SECONDS
from pipeline.ml.feature_bars import Tail

_KEPT_BITS = 2.0**33


def settled(price: float) -> float:
    """Return a price rounded to 33 binary digits, one part in 10¹⁰.

    A stop that rests on an average of the whole past differs in its last digits between a long
    history and a short one; this takes them off. Twice the price gives twice the result.
    """
    mantissa, exponent = np.frexp(price)
    return float(np.ldexp(np.rint(mantissa * _KEPT_BITS) / _KEPT_BITS, exponent))


def ratio(value: float | None, unit: float | None) -> float | None:
    """Return value / unit; None where either is not known or the unit is not positive."""
    if value is None or unit is None or unit <= 0:
        return None
    found = value / unit
    return found + 0.0 if isfinite(found) else None


def true_ranges(bars: Tail) -> list[float]:
    """Return the true range of each bar but the first, in price units.

    That of a bar after a hole of 30 minutes or more is its own high − low, as in the detector.
    """
    before = bars.close[:-1]
    own = bars.high[1:] - bars.low[1:]
    full = np.maximum(bars.high[1:], before) - np.minimum(bars.low[1:], before)
    hole = bars.opened[1:] - bars.closed[:-1] >= HOLE_SECONDS
    return [float(r) for r in np.where(hole, own, full)]


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return fsum(values) / len(values)


def rank_of_last(values: Sequence[float], length: int) -> float:
    """Return the share of all runs of `length` values whose sum is below the last run's.

    0 to 1; equal ones count half.
    """
    sums = [fsum(values[i : i + length]) for i in range(len(values) - length + 1)]
    below = sum(s < sums[-1] for s in sums[:-1])
    same = sum(s == sums[-1] for s in sums[:-1])
    return (below + same / 2) / (len(sums) - 1)


def fitted_move(closes: np.ndarray) -> float:
    """Return how far a straight line through the closes climbs from the first to the last."""
    n = len(closes)
    x = np.arange(n) - (n - 1) / 2
    rise = fsum((x * (closes - closes[-1])).tolist())
    return rise / fsum((x * x).tolist()) * (n - 1)


def distance_to_mean(closes: np.ndarray) -> float:
    """Return the last close less the mean of all of them."""
    return -mean((closes - closes[-1]).tolist())


def position(price: float, bars: Tail) -> float | None:
    """Return where a price lies between the lowest low (0) and the highest high (1) of bars."""
    low, high = float(bars.low.min()), float(bars.high.max())
    return ratio(price - low, high - low)


def efficiency(closes: np.ndarray) -> float | None:
    """Return |net move| over the way gone, close to close (Kaufman): 1 is a straight line."""
    steps = np.abs(np.diff(closes)).tolist()
    return ratio(abs(float(closes[-1] - closes[0])), fsum(steps))
