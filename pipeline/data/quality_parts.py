"""The parts of a holding's score, and what each of them costs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.data_quality import Agreement, QualityPart
from pipeline.domain.report import QualityReport

WILD = 10.0
"""A day whose range is beyond so many median day ranges is told."""
_DAY = 86_400
_FEWEST_DAYS = 5
_VOLUME_COST, _WILD_COST, _WAITING_COST, _APART_COST = 0.05, 0.2, 0.1, 0.2
_WAITING_WEIGHT = 5.0


@dataclass(frozen=True)
class Compared:
    """How the comparison went: `said` tells in words why there is none."""

    source: str = ""
    agreement: Agreement | None = None
    said: str = ""


def volume_share(bars: pd.DataFrame) -> float | None:
    """Return the share of UTC days with volume, or None where no day has any."""
    if bars.empty:
        return None
    starts = _day_starts(bars)
    per_day = np.maximum.reduceat(bars["volume"].to_numpy(), starts) > 0
    return float(per_day.mean()) if per_day.any() else None


def wild_days(bars: pd.DataFrame) -> tuple[int, int]:
    """Return (days whose range is beyond 10 median day ranges, days); (0, n) of under 5 days."""
    if bars.empty:
        return 0, 0
    starts = _day_starts(bars)
    highs = np.maximum.reduceat(bars["high"].to_numpy(), starts)
    ranges = highs - np.minimum.reduceat(bars["low"].to_numpy(), starts)
    if len(ranges) < _FEWEST_DAYS:
        return 0, len(ranges)
    return int((ranges > WILD * np.median(ranges)).sum()), len(ranges)


def _day_starts(bars: pd.DataFrame) -> np.ndarray:
    days = epoch_seconds(bars["open_time"]) // _DAY
    return np.flatnonzero(np.diff(days, prepend=days[:1] - 1) > 0)


def parts_of(
    quality: QualityReport, bars: pd.DataFrame, waiting: int, compared: Compared
) -> tuple[QualityPart, ...]:
    """Return every part of the score of bars, also those that cost nothing."""
    share = (
        1.0 - quality.missing / quality.expected if quality.expected else float(bool(len(bars)))
    )
    faults = max(0.0, share - quality.score)
    volume, (wild, days) = volume_share(bars), wild_days(bars)
    said = "none has any" if volume is None else f"on {volume:.1%} of days"
    return (
        _part("complete", 1.0 - share, f"{share:.1%} of {quality.expected:,} expected bars"),
        _part("faults", faults, f"{quality.frozen:,} frozen, {quality.spikes:,} spikes"),
        _part("ranges", _WILD_COST * wild / days if days else 0.0,
              f"{wild:,} of {days:,} days beyond {WILD:g} × the usual range"),
        _part("volume", 0.0 if volume is None else _VOLUME_COST * (1.0 - volume), said),
        _part("quarantine", min(_WAITING_COST, _WAITING_WEIGHT * waiting / max(1, len(bars))),
              f"{waiting:,} {'bar waits' if waiting == 1 else 'bars wait'}"),
        _agrees(compared),
    )  # fmt: skip


def score_of(parts: tuple[QualityPart, ...]) -> float:
    """Return the score in all: 1 less what the parts cost, at least 0."""
    return round(max(0.0, 1.0 - sum(part.cost for part in parts)), 4)


def _agrees(compared: Compared) -> QualityPart:
    found = compared.agreement
    if found is None:
        return _part("second source", 0.0, compared.said)
    shifted = len(found.lags) / found.days
    said = (
        f"{compared.source}, {found.bars:,} bars of {found.days} days: closes {found.median:g} "
        f"points apart (worst {found.worst:g}), {found.within:.1%} within the spread"
    )
    for minutes in sorted({lag for _, lag in found.lags}):
        on = ", ".join(str(day) for day, lag in found.lags if lag == minutes)
        said += f"; looks shifted by {minutes} minutes ({on})"
    return _part("second source", _APART_COST * max(shifted, found.beyond), said)


def _part(name: str, cost: float, said: str) -> QualityPart:
    return QualityPart(name=name, cost=round(min(1.0, max(0.0, cost)), 4), said=said)
