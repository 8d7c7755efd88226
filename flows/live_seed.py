"""The bars a scan begins with: held ones, those seen live, and the feed's for the rest."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from flows.services import Services
from pipeline.domain.bars import empty_bars, epoch_seconds
from pipeline.domain.market import Timeframe
from storage.market_ports import Feed

M1 = Timeframe.M1
_CLOSED_SHARE = (
    1.9  # a market that is open 21 hours on five days needs 1.6 times the bars' minutes
)
_HOLE = timedelta(days=4)  # longer than any weekend with a holiday
_PIECE = 20_000


def reach_of(bars: int) -> timedelta:
    """Return how far back so many M1 bars surely go, nights, weekends and holidays included."""
    return bars * M1.delta * _CLOSED_SHARE + _HOLE


async def history(
    symbol: str, start: datetime, until: datetime, feed: Feed, now: datetime, held: pd.DataFrame
) -> pd.DataFrame:
    """Return M1 bars from `start` on, closed by `until`: the held ones, holes filled by the feed.

    Parameters
    ----------
    now
        What the feed is asked with; see `Feed.bars`.
    held
        Bars of that time that need not be asked for; may be empty.

    Notes
    -----
    A hole is longer than any weekend; what lies behind the last held bar is always asked for.
    """
    parts = [held]
    for first, behind in _holes(held, start, until):
        parts.append(await _of_feed(symbol, first, behind, feed, now))
    return _joined(parts).sort_values("open_time", ignore_index=True)


def _holes(
    held: pd.DataFrame, start: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the [first, behind) of each hole, the end's last."""
    if held.empty:
        return [(start, until)]
    opens = epoch_seconds(held["open_time"])
    ends = np.append(start.timestamp(), opens + M1.minutes * 60)  # of what is known so far
    wide = np.flatnonzero(np.append(opens, until.timestamp()) - ends > _HOLE.total_seconds())
    found = [(_utc(ends[i]), _utc(opens[i])) for i in wide if i < len(opens)]
    return [*found, (_utc(ends[-1]), until)]


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)


async def _of_feed(
    symbol: str, first: datetime, behind: datetime, feed: Feed, now: datetime
) -> pd.DataFrame:
    """Return the feed's bars with first <= open_time and close_time <= behind."""
    parts, after = [], first - M1.delta
    while True:
        part = await feed.bars(symbol, after, now, limit=_PIECE)
        parts.append(part[part["close_time"] <= behind])
        if len(part) < _PIECE or len(parts[-1]) < len(part):
            return _joined(parts)
        after = part["open_time"].iloc[-1].to_pydatetime()


async def held_bars(
    symbol: str, start: datetime, until: datetime, origin: str, services: Services
) -> pd.DataFrame:
    """Return the M1 bars of that time that are held; where seen live, then as they were seen.

    SYNTHETIC bars don't count: no market has made them.
    """
    held = empty_bars()
    for holding in await services.bars.holdings():
        if (holding.symbol, holding.timeframe) == (symbol, M1.value) and not holding.synthetic:
            held = await services.bars.read(symbol, M1, start, until)
    seen = await services.scans.bars(origin, symbol, start, until)
    joined = _joined([held[~held["open_time"].isin(seen["open_time"])], seen])
    ordered = joined.sort_values("open_time", ignore_index=True)
    return ordered[ordered["close_time"] <= until].reset_index(drop=True)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    some = [part for part in parts if len(part)]
    return pd.concat(some, ignore_index=True) if some else empty_bars()
