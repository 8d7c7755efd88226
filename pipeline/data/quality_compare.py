"""Two sources' closes held against each other: differences in points, and shifts in time."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.data_quality import Agreement
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.report import QualityReport

SPAN = timedelta(minutes=180)
"""Shifts are looked for so far to either side."""
FEWEST = 30
"""Fewer common bars are no comparison."""
FAR = 5.0
_FULL = 0.9
_SURE, _LEAD, _SIGMAS = 0.5, 0.2, 5.0


def sample_days(quality: QualityReport, count: int, rng: np.random.Generator) -> list[date]:
    """Return up to `count` days held in full, in order.

    In full: nine tenths of what the best day has, as sources differ in silent minutes; the first
    and the last day held are left out.
    """
    best = max((share for _, share in quality.coverage), default=0.0)
    inner = quality.coverage[1:-1]
    full = [date.fromisoformat(day) for day, share in inner if share >= _FULL * best > 0]
    chosen = rng.choice(len(full), size=min(count, len(full)), replace=False) if full else ()
    return sorted(full[int(i)] for i in chosen)


def agreement(
    days: Sequence[tuple[date, pd.DataFrame, pd.DataFrame]],
    timeframe: Timeframe,
    instrument: Instrument,
) -> Agreement | None:
    """Compare (day, held, other) frames; `held` reaches `SPAN` beyond `other` where it is held.

    None where fewer than 30 bars are common. A shift of a day is undone before prices are
    compared, so that it counts as a shift and not as wrong prices.
    """
    apart, spreads, lags = [np.empty(0)], [np.empty(0)], []
    typical = np.asarray(instrument.spread_points)
    for day, held, other in days:
        lag = lag_minutes(held, other, timeframe)
        if lag:
            lags.append((day, lag))
        times = epoch_seconds(other["open_time"])
        _, mine, its = np.intersect1d(
            epoch_seconds(held["open_time"]) - 60 * lag, times, return_indices=True
        )
        closes = held["close"].to_numpy()[mine] - other["close"].to_numpy()[its]
        apart.append(np.abs(closes) / instrument.point)
        spreads.append(typical[times[its] % 86_400 // 3600])
    points, spread = np.concatenate(apart), np.concatenate(spreads)
    if len(points) < FEWEST:
        return None
    spread = np.maximum(spread, instrument.tick_size / instrument.point) + 1e-6
    return Agreement(
        days=len(days), bars=len(points),
        median=round(float(np.median(points)), 4), worst=round(float(points.max()), 4),
        within=float((points <= spread).mean()), beyond=float((points > FAR * spread).mean()),
        lags=tuple(lags),
    )  # fmt: skip


def lag_minutes(held: pd.DataFrame, other: pd.DataFrame, timeframe: Timeframe) -> int:
    """Return the minutes by which `held` is late, at most 180 either way; 0: in time or not sure.

    The shift at which the changes of close go together best; told only where they do so clearly
    (correlation 0.5 and five times what chance makes of so few bars) and clearly better than
    unshifted.
    """
    step = timeframe.minutes * 60
    most = int(SPAN.total_seconds()) // step
    if held.empty or other.empty or most < 1:
        return 0
    its_times = epoch_seconds(other["open_time"])
    first, size = int(its_times[0]), int(its_times[-1] - its_times[0]) // step + 1
    its = _changes(other, first, size, step)
    mine = _changes(held, first - most * step, size + 2 * most, step)
    found = [
        _correlation(mine[most + k : most + k + len(its)], its) for k in range(-most, most + 1)
    ]
    best = int(np.argmax(found))
    if found[best] < _SURE or found[best] - found[most] < _LEAD:
        return 0
    return (best - most) * timeframe.minutes


def _changes(bars: pd.DataFrame, first: int, size: int, step: int) -> np.ndarray:
    """Return the changes of close on a grid from `first` on; NaN where a bar is absent."""
    closes = np.full(size, np.nan)
    places, rest = np.divmod(epoch_seconds(bars["open_time"]) - first, step)
    inside = (rest == 0) & (places >= 0) & (places < size)
    closes[places[inside]] = bars["close"].to_numpy()[inside]
    return np.diff(closes)


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Return the correlation where both are there; 0 where they are too few to tell."""
    both = np.isfinite(one) & np.isfinite(two)
    count = int(both.sum())
    if count < FEWEST:
        return 0.0
    a, b = one[both] - one[both].mean(), two[both] - two[both].mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    found = float(a @ b) / norm if norm > 0 else 0.0
    return found if found >= _SIGMAS / np.sqrt(count) else 0.0
