"""Bars of one timeframe into bars of a longer one, on the house's one grid of bins."""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.data.zones import by_hour, wall_clock
from pipeline.domain.bars import PRICES, bar_frame, epoch_seconds
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe

_ROLL = 17 * 3600
_DAY = 86_400
VALUES = (*PRICES, "volume", "spread")
"""What a bar says besides its times, in this order."""


def resample(
    bars: pd.DataFrame, source: Timeframe, to: Timeframe, until: datetime | None = None
) -> pd.DataFrame:
    """Aggregate bars of `source` into bars of `to`.

    A bin appears if it holds at least one bar, and only if it is over: its close time is not
    after the last source bar's close. Volume is summed, spread is the mean of the known ones.

    Parameters
    ----------
    bars
        A bar frame of `source`; `to == source` returns it as it is.
    until
        The time (UTC): bins over by then appear too, though no later bar says that they are.

    Raises
    ------
    BadBarsError
        `to` is shorter than `source`.

    Notes
    -----
    Bins up to H1 lie on UTC. H4 and D1 count from the FX day roll, 17:00 New York. The first
    bin may hold only the later part of its bars when the data starts inside it.
    """
    if to is source:
        return bars
    if to.minutes < source.minutes:
        raise BadBarsError(f"{to} bars can't be made of {source} bars: they are shorter")
    if bars.empty:
        return bars
    values = np.column_stack([bars[name].to_numpy() for name in VALUES])
    opens, binned = binned_values(epoch_seconds(bars["open_time"]), values, to)
    by = epoch_seconds(bars["close_time"])[-1]
    over = opens + to.minutes * 60 <= (by if until is None else max(by, until.timestamp()))
    return frame_of(opens[over], binned[over], to)


def binned_values(
    opened: np.ndarray, values: np.ndarray, to: Timeframe
) -> tuple[np.ndarray, np.ndarray]:
    """Aggregate rows of VALUES into the bins of `to`, also those that are not over.

    Parameters
    ----------
    opened, values
        Epoch seconds and float64 of shape (n, 6), sorted; at least one row.
    """
    bins = bin_opens(opened, to)
    starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
    ends = np.append(starts[1:], len(bins)) - 1
    o, h, low, c, volume, spread = np.ascontiguousarray(values.T)
    columns = (
        o[starts],
        np.maximum.reduceat(h, starts),
        np.minimum.reduceat(low, starts),
        c[ends],
        np.add.reduceat(volume, starts),
        _means(spread, starts),
    )
    return bins[starts], np.column_stack(columns)


def frame_of(opened: np.ndarray, values: np.ndarray, timeframe: Timeframe) -> pd.DataFrame:
    """Return a bar frame of epoch seconds and rows of VALUES."""
    times = pd.DatetimeIndex(opened.astype("datetime64[s]")).tz_localize("UTC")
    return bar_frame(times, timeframe, values[:, :4], values[:, 4], values[:, 5])


def bin_opens(seconds: np.ndarray, timeframe: Timeframe) -> np.ndarray:
    """Return the open of the bin each epoch second falls into (int64 epoch seconds).

    Notes
    -----
    H4 and D1 bins start anew at each 17:00 New York. The day on which clocks go back has 25
    hours; its last hour is a short bin of its own, so that no bar outlasts its close time.
    Only markets open on Sunday mornings (crypto) ever see it.
    """
    length = timeframe.minutes * 60
    if length <= Timeframe.H1.minutes * 60:
        plain: np.ndarray = seconds - seconds % length
        return plain
    hours, of_hour = by_hour(seconds)
    bins: np.ndarray = hours - (hours - _roll_before(hours)) % length
    opens: np.ndarray = bins[of_hour]
    return opens


def _roll_before(hours: np.ndarray) -> np.ndarray:
    """Return the last 17:00 New York at or before each whole hour (UTC epoch seconds)."""
    wall = wall_clock(hours, "America/New_York")
    rolled = wall - (wall - _ROLL) % _DAY
    local = pd.DatetimeIndex(rolled.astype("datetime64[s]")).tz_localize("America/New_York")
    return epoch_seconds(local.tz_convert("UTC"))


def _means(spread: np.ndarray, starts: np.ndarray) -> np.ndarray:
    known = np.isfinite(spread)
    count = np.add.reduceat(known.astype("float64"), starts)
    total = np.add.reduceat(np.where(known, spread, 0.0), starts)
    means: np.ndarray = np.full(len(starts), np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means
