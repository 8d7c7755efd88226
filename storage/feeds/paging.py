"""What pages of past bars have in common: where they end, how they are cut, what is refused."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame, empty_bars, validate_bars
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import Page, SourceCard, SourceSymbol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SMALL_SHARE = 0.01
_COLUMNS = 5
_GRID = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1)


def last_close(timeframe: Timeframe, now: datetime) -> datetime:
    """Return the latest moment at which a bar of the UTC grid can have closed by `now`."""
    return EPOCH + (now - EPOCH) // timeframe.delta * timeframe.delta


def check_timeframe(card: SourceCard, timeframe: Timeframe) -> None:
    """Refuse what a source doesn't give as such, with BadRequestError."""
    if timeframe not in card.timeframes:
        known = ", ".join(card.timeframes)
        raise BadRequestError(
            f"{card.title} has no {timeframe} bars that start when ours do; it has {known}.",
            field="timeframe", value=timeframe.value, closest=tuple(card.timeframes),
        )  # fmt: skip


def no_such_symbol(
    card: SourceCard, symbol: SourceSymbol, closest: Sequence[str] = ()
) -> BadRequestError:
    """Return the error for a symbol that a source doesn't have."""
    hint = f": did you mean {', '.join(closest)}?" if closest else "."
    return BadRequestError(
        f"{card.title} has no symbol {symbol.name!r} (our {symbol.symbol}){hint}",
        field="symbol", value=symbol.name, closest=tuple(closest),
    )  # fmt: skip


def page_of_rows(
    rows: np.ndarray,
    symbol: SourceSymbol,
    timeframe: Timeframe,
    span: tuple[datetime, datetime],
    notes: tuple[str, ...] = (),
) -> Page:
    """Return a page of what a source answered.

    Parameters
    ----------
    rows
        float64, shape (n, 6): seconds since 1970 UTC, open, high, low, close, volume, in the
        source's prices and in any order. A row that comes twice in the same words counts once.
    span
        [start, covered_until): what lies outside is left out. The caller sees to it that all in
        it has closed.

    Raises
    ------
    BadBarsError
        One moment with two prices, a bar off the grid, or a broken contract.
    """
    _, until = span
    first, last = ((moment - EPOCH).total_seconds() for moment in span)
    kept = rows[(rows[:, 0] >= first) & (rows[:, 0] < last)] if len(rows) else rows
    if not len(kept):
        return Page(empty_bars(), until, notes)
    kept = np.unique(kept, axis=0)
    at = kept[:, 0]
    _refuse(np.append(np.diff(at) == 0, False), at, symbol, "comes twice with different prices")
    if timeframe in _GRID:
        off = at % (timeframe.minutes * 60) != 0
        _refuse(off, at, symbol, f"doesn't start where {timeframe} bars do")
    times = pd.DatetimeIndex(at.astype("int64").astype("datetime64[s]")).tz_localize("UTC")
    prices = kept[:, 1:_COLUMNS] * symbol.scale
    frame = bar_frame(times, timeframe, prices, np.nan_to_num(kept[:, _COLUMNS]))
    return Page(validate_bars(frame, timeframe), until, notes)


def by_own_day(rows: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """Put each day's bar at 00:00 UTC of the source's own day, with seconds in the first column.

    Of two rows of one day the first stays: vendors add the running price as a row of its own. A
    bar put so is never known too early where the market's day ends before UTC's.
    """
    if not len(rows):
        return rows
    local = pd.DatetimeIndex(rows[:, 0].astype("int64").astype("datetime64[s]"))
    days = local.tz_localize("UTC").tz_convert(zone).tz_localize(None).normalize()
    rows = rows.copy()
    rows[:, 0] = days.as_unit("s").asi8
    return rows[np.unique(rows[:, 0], return_index=True)[1]]


def possible_rows(rows: np.ndarray, symbol: SourceSymbol) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the rows whose open and close lie within high and low, and a note of the others.

    A few such bars are usual where a vendor builds bars of late reports; they are left out. More
    than one in a hundred, and a high below its low, stay in, to be refused.
    """
    if not len(rows):
        return rows, ()
    o, high, low, c = rows[:, 1:_COLUMNS].T
    outside = ((np.maximum(o, c) > high) | (np.minimum(o, c) < low)) & (high >= low)
    count = int(outside.sum())
    if not count or count > SMALL_SHARE * len(rows):
        return rows, ()
    note = f"{count} bars of {symbol.name} have an open or close outside high and low: left out"
    return rows[~outside], (note,)


def _refuse(bad: np.ndarray, at: np.ndarray, symbol: SourceSymbol, words: str) -> None:
    if bad.any():
        moment = EPOCH + timedelta(seconds=float(at[int(np.argmax(bad))]))
        raise BadBarsError(f"{symbol.name}: the bar at {moment:%Y-%m-%d %H:%M:%S} {words}")
