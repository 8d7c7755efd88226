"""Which past cases are most like a signal, by a distance that can be said in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log1p, sqrt
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.signal import Signal, TraceStep
from pipeline.live.cases import PastCase, share_of

OTHER_SIDE = 2.0
"""As far as the other side is, all else equal."""
CONFIDENCE_UNIT = 0.25
HOURS_UNIT = 3.0
FURTHEST = 3.0
"""A figure of the trace counts as at most so many spreads away."""
UNKNOWN = 1.0
"""So many spreads away counts a figure that only one of the two has."""
_HALF_DAY = 12.0


@dataclass(frozen=True)
class Near:
    """A past case and how far it is from the signal."""

    case: PastCase
    distance: float


def nearest(
    signal: Signal, cases: Sequence[PastCase], zone: str, before: datetime, n: int = 10
) -> list[Near]:
    """Return the `n` past cases most like a signal, nearest first; of equals the newest first.

    Parameters
    ----------
    cases
        Of the signal's setup, symbol and timeframe, whatever their order.
    zone
        IANA zone in which hours of the day are compared: the setup's.
    before
        Only cases that had ended by then are looked at.

    Notes
    -----
    The distance is the root of a sum of squares: 2 for the other side; the difference of the
    rules' confidence over 0.25; the difference in the hour of day over 3 hours; and the root
    mean square, over all figures of the trace, of their differences in spreads (standard
    deviations among these cases), none more than 3. The figures: each step's two prices as R
    from the entry, towards the target positive; how long before the signal it was known, as the
    logarithm of its bars; what its tool counts in ATR; the target in R.
    """
    past = [case for case in cases if case.resolved_at <= before]
    if not past:
        return []
    own = figures(signal)
    theirs = [figures(case.signal) for case in past]
    spreads = _spreads(theirs)
    at = ZoneInfo(zone)
    found = [
        Near(case, _distance((signal, own), (case.signal, values), spreads, at))
        for case, values in zip(past, theirs, strict=True)
    ]
    order = sorted(found, key=lambda near: (near.distance, -near.case.signal.known_at.timestamp()))
    return order[:n]


def figures(signal: Signal) -> dict[str, float]:
    """Return the figures of a signal's trace, in R, in bars and in ATR, by their names."""
    risk = abs(signal.entry_price - signal.sl_price)
    if risk <= 0:
        return {}
    found = {"target": (signal.tp_price - signal.entry_price) * signal.side.sign / risk}
    for step in signal.trace:
        if step.kind != "entry":
            found |= _of_step(signal, step, risk)
    return found


def _of_step(signal: Signal, step: TraceStep, risk: float) -> dict[str, float]:
    prices = (step.price_low, step.price_high)
    ahead = sorted((p - signal.entry_price) * signal.side.sign / risk for p in prices)
    bars = (signal.known_at - step.known_at) / signal.tf.delta
    found = {
        f"{step.step}.low": ahead[0],
        f"{step.step}.high": ahead[1],
        f"{step.step}.bars": log1p(max(bars, 0.0)),
    }
    for name, value in step.values.items():
        if name.endswith("_atr") and isinstance(value, int | float):
            found[f"{step.step}.{name}"] = float(value)
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _spreads(theirs: Sequence[dict[str, float]]) -> dict[str, float]:
    names = sorted({name for values in theirs for name in values})
    return {n: float(np.std([v[n] for v in theirs if n in v])) for n in names}


def _distance(
    one: tuple[Signal, dict[str, float]],
    other: tuple[Signal, dict[str, float]],
    spreads: dict[str, float],
    zone: ZoneInfo,
) -> float:
    (a, figures_a), (b, figures_b) = one, other
    side = 0.0 if a.side is b.side else OTHER_SIDE
    confidence = (share_of(a.confluences) - share_of(b.confluences)) / CONFIDENCE_UNIT
    hours = _hours_apart(a.known_at.astimezone(zone), b.known_at.astimezone(zone)) / HOURS_UNIT
    names = sorted({*figures_a, *figures_b})
    trace = [_apart(figures_a.get(n), figures_b.get(n), spreads.get(n, 0.0)) ** 2 for n in names]
    mean = sum(trace) / len(trace) if trace else 0.0
    return sqrt(side**2 + confidence**2 + hours**2 + mean)


def _apart(a: float | None, b: float | None, spread: float) -> float:
    if a is None or b is None:
        return UNKNOWN
    if a == b:
        return 0.0
    return min(abs(a - b) / spread, FURTHEST) if spread > 0 else FURTHEST


def _hours_apart(a: datetime, b: datetime) -> float:
    apart = abs((a.hour + a.minute / 60) - (b.hour + b.minute / 60))
    return min(apart, 2 * _HALF_DAY - apart)
