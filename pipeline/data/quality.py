"""What a set of bars is worth: holes against the calendar, frozen bars, spikes, one score."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from pipeline.data.calendar import expected_by_day, market_hours
from pipeline.data.clean import bin_opens
from pipeline.data.zones import wall_clock
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.report import Gap, QualityReport

GAP_MINUTES = 10
"""Holes shorter than this are minutes without a tick: missing bars, but no gap."""
FROZEN_MINUTES = 30
SPIKE_RANGES = 25.0
_BLOCK = 120
_FAULT_WEIGHT = 5.0
_DEAD_HOUR_SHARE = 0.02
_DEAD_HOUR_DAYS = 5
_WORST_GAPS = 20


def assess(
    bars: pd.DataFrame,
    timeframe: Timeframe,
    instrument: Instrument,
    *,
    duplicates: int = 0,
    impossible: int = 0,
) -> QualityReport:
    """Judge a bar frame against its symbol's calendar.

    Parameters
    ----------
    duplicates, impossible
        Bars the reader left out; they count as faults.

    Notes
    -----
    Score = share of expected bars held × (1 − 5 × share of faulty bars), within [0, 1]. A
    fault is a duplicate, an impossible bar, a bar in a frozen run (no movement at all for 30
    minutes and at least 3 bars) or a spike (a wick that leaves both neighbours behind by 25
    usual ranges). Hours of the day that a source never has are left out and named in a note.
    No bars: score 0.
    """
    if bars.empty:
        return _nothing(timeframe, instrument, duplicates, impossible)
    expected, day, has, days, notes = _expected(bars, timeframe, instrument)
    gaps = _gaps(expected, has, timeframe)
    frozen, spikes = _frozen(bars, timeframe), int(spike_mask(bars).sum())
    share = float(has.mean()) if len(has) else 1.0
    faults = (duplicates + impossible + frozen + spikes) / len(bars)
    return QualityReport(
        symbol=instrument.symbol,
        timeframe=timeframe.value,
        bars=len(bars),
        first=bars["open_time"].iloc[0].to_pydatetime(),
        last=bars["open_time"].iloc[-1].to_pydatetime(),
        expected=len(expected),
        missing=int((~has).sum()),
        gaps=_largest(gaps),
        gap_count=len(gaps),
        duplicates=duplicates,
        impossible=impossible,
        frozen=frozen,
        spikes=spikes,
        has_spread=bool(bars["spread"].notna().any()),
        has_volume=bool((bars["volume"] > 0).any()),
        score=round(share * max(0.0, 1.0 - _FAULT_WEIGHT * faults), 4),
        coverage=_coverage(day, has, days),
        notes=notes,
    )


def holes(bars: pd.DataFrame, timeframe: Timeframe, instrument: Instrument) -> np.ndarray:
    """Return every gap that `assess` counts: int64 epoch seconds, rows [start, end), sorted."""
    if bars.empty:
        return np.empty((0, 2), dtype="int64")
    expected, _, has, _, _ = _expected(bars, timeframe, instrument)
    return _gaps(expected, has, timeframe)[:, :2]


def _expected(
    bars: pd.DataFrame, timeframe: Timeframe, instrument: Instrument
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[date], tuple[str, ...]]:
    """Return the bars that should be there: opens, day numbers, whether held, days, notes."""
    bins = bin_opens(epoch_seconds(bars["open_time"]), timeframe)
    held = bins[np.diff(bins, prepend=bins[:1] - 1) > 0]
    last = bars["close_time"].iloc[-1].to_pydatetime()
    expected, day, days = expected_by_day(instrument.calendar, timeframe, _utc(int(held[0])), last)
    expected, day, has, notes = _without_dead_hours(
        expected, day, _contains(held, expected), instrument.calendar, timeframe
    )
    return expected, day, has, days, notes


def _nothing(
    timeframe: Timeframe, instrument: Instrument, duplicates: int, impossible: int
) -> QualityReport:
    return QualityReport(
        symbol=instrument.symbol,
        timeframe=timeframe.value,
        bars=0,
        first=None,
        last=None,
        expected=0,
        missing=0,
        duplicates=duplicates,
        impossible=impossible,
        score=0.0,
        notes=("no bars",),
    )


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _contains(held: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    where = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    found: np.ndarray = held[where] == wanted
    return found


def _without_dead_hours(
    expected: np.ndarray, day: np.ndarray, has: np.ndarray, calendar: str, timeframe: Timeframe
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Leave out local hours that the source never has: brokers differ in their night hours."""
    if (
        timeframe.minutes > Timeframe.H1.minutes
        or np.count_nonzero(np.diff(day)) < _DEAD_HOUR_DAYS - 1
    ):
        return expected, day, has, ()
    zone = market_hours(calendar).zone
    clock = wall_clock(expected, zone) % 86_400 // 3600
    wanted = np.bincount(clock, minlength=24)
    got = np.bincount(clock, weights=has, minlength=24)
    dead = (wanted > 0) & (got < _DEAD_HOUR_SHARE * wanted)
    if not dead.any() or dead[wanted > 0].all():
        return expected, day, has, ()
    keep = ~dead[clock]
    words = ", ".join(f"{h:02d}:00" for h in np.flatnonzero(dead))
    note = f"the source has no bars in these hours ({zone}): {words}"
    return expected[keep], day[keep], has[keep], (note,)


def _gaps(expected: np.ndarray, has: np.ndarray, timeframe: Timeframe) -> np.ndarray:
    """Return the gaps: rows of first open, last close, number of missing bars."""
    edges = np.diff(np.concatenate([[0], (~has).astype("int8"), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    closes = expected[ends] + timeframe.minutes * 60
    runs: np.ndarray = np.column_stack([expected[starts], closes, ends - starts + 1])
    long: np.ndarray = runs[runs[:, 2] >= max(1, GAP_MINUTES // timeframe.minutes)]
    return long


def _largest(runs: np.ndarray) -> tuple[Gap, ...]:
    order = np.argsort(-runs[:, 2], kind="stable")[:_WORST_GAPS].tolist()
    return tuple(
        Gap(start=_utc(int(runs[i, 0])), end=_utc(int(runs[i, 1])), missing=int(runs[i, 2]))
        for i in order
    )


def _frozen(bars: pd.DataFrame, timeframe: Timeframe) -> int:
    """Count bars in runs in which nothing moves."""
    close = bars["close"].to_numpy()
    flat = bars["high"].to_numpy() == bars["low"].to_numpy()
    same = flat & np.concatenate([[False], flat[:-1] & (np.diff(close) == 0)])
    edges = np.diff(np.concatenate([[0], same.astype("int8"), [0]]))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1) + 1
    long = lengths >= max(3, FROZEN_MINUTES // timeframe.minutes)
    return int(lengths[long].sum())


def spike_mask(bars: pd.DataFrame) -> np.ndarray:
    """Tell for each bar whether its wick leaves both neighbours behind by far and comes back.

    All False for fewer than 120 bars, which don't tell what is usual; the first and the last
    never are. A bar that moves and stays, as news make it, is none: its neighbour goes along.
    """
    mask = np.zeros(len(bars), dtype=bool)
    if len(bars) < _BLOCK:
        return mask
    high, low = bars["high"].to_numpy(), bars["low"].to_numpy()
    reach = SPIKE_RANGES * _usual_range(high - low)[1:-1]
    up = high[1:-1] - np.maximum(high[:-2], high[2:]) > reach
    down = np.minimum(low[:-2], low[2:]) - low[1:-1] > reach
    mask[1:-1] = up | down
    return mask


def _usual_range(ranges: np.ndarray) -> np.ndarray:
    """Return the median range around each bar (blocks of 120), at least the median of all."""
    whole = len(ranges) // _BLOCK * _BLOCK
    medians = np.median(ranges[:whole].reshape(-1, _BLOCK), axis=1)
    near = np.maximum(medians, np.median(ranges))
    return np.append(np.repeat(near, _BLOCK), np.full(len(ranges) - whole, near[-1]))


def _coverage(day: np.ndarray, has: np.ndarray, days: list[date]) -> tuple[tuple[str, float], ...]:
    wanted = np.bincount(day, minlength=len(days))
    got = np.bincount(day, weights=has, minlength=len(days))
    return tuple(
        (days[i].isoformat(), round(float(got[i] / wanted[i]), 4)) for i in np.flatnonzero(wanted)
    )
