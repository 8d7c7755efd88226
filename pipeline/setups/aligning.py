"""How a tool's result on one timeframe is known on the bars of another."""

from typing import TypeAlias

import numpy as np

from pipeline.detectors.base import bar_times
from pipeline.domain.bars import BarTable
from pipeline.domain.events import Events

Output: TypeAlias = Events | np.ndarray


def aligned(found: Output, own: BarTable, target: BarTable) -> Output:
    """Return a tool's result as it is known at the closes of another frame.

    A series is read at its last closed bar (NaN before the first); an event belongs to the
    first target bar that closes at or after it was known, and is left out if there is none.
    """
    if own is target:
        return found
    closes = bar_times(target, "close_time")
    if isinstance(found, np.ndarray):
        last = np.searchsorted(bar_times(own, "close_time"), closes, side="right") - 1
        padded = np.append(found, np.nan)
        return np.asarray(padded[np.where(last < 0, len(found), last)])
    return _aligned_events(found, own, target)


def _aligned_events(found: Events, own: BarTable, target: BarTable) -> Events:
    closes, own_closes = bar_times(target, "close_time"), bar_times(own, "close_time")
    kept = found.take(np.flatnonzero(np.searchsorted(closes, found["known_at"]) < len(closes)))
    columns = dict(kept.columns)
    for name in [c for c in columns if c == "bar" or c.endswith("_bar")]:
        rows = columns[name]
        there = np.clip(rows, 0, max(len(own_closes) - 1, 0))
        moved = np.searchsorted(closes, own_closes[there]) if len(rows) else rows
        columns[name] = np.where(rows < 0, rows, moved)
    columns["known_at"] = closes[columns["bar"]]
    return Events(kept.words, kept.code, columns)
