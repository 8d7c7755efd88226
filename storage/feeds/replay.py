"""The replay feed: held bars handed out minute by minute, as a market would."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd

from pipeline.data.minutes import as_minutes
from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from storage.market_ports import FeedClock
from storage.ports import BarStore

_AHEAD = timedelta(days=3)


class ReplayFeed:
    """Held bars as a feed; see `storage.market_ports.Feed`. `now` is the replay's time.

    Parameters
    ----------
    bars
        The bar store.
    sources
        By symbol the timeframe of the held bars to play. Longer ones than M1 come as one bar in
        their last minute.

    Notes
    -----
    Bars of some days ahead are read at a time, so a minute costs no look into the store.
    """

    name = "replay"

    def __init__(self, bars: BarStore, sources: Mapping[str, Timeframe]) -> None:
        self._bars = bars
        self._sources = dict(sources)
        self._read: dict[str, tuple[datetime, datetime, pd.DataFrame]] = {}

    async def offers(self) -> tuple[str, ...]:
        """Return the symbols that are played."""
        return tuple(self._sources)

    async def clock(self, now: datetime) -> FeedClock:
        """Return the replay's time, which is never in doubt."""
        return FeedClock(now)

    async def bars(
        self, symbol: str, after: datetime | None, now: datetime, *, limit: int = 5000
    ) -> pd.DataFrame:
        """Return closed minutes with open_time > `after`; see the port."""
        source = self._source(symbol)
        if after is None:
            return await self._newest(symbol, source, now, limit)
        held = await self._ahead_of(symbol, source, after, now)
        due = held[(held["open_time"] > after) & (held["close_time"] <= now)]
        return due.head(limit).reset_index(drop=True)

    async def close(self) -> None:
        """Forget what was read."""
        self._read.clear()

    def _source(self, symbol: str) -> Timeframe:
        if symbol not in self._sources:
            raise BadRequestError(
                f"The replay has no {symbol}.", field="symbol", value=symbol,
                closest=tuple(self._sources),
            )  # fmt: skip
        return self._sources[symbol]

    async def _ahead_of(
        self, symbol: str, source: Timeframe, after: datetime, now: datetime
    ) -> pd.DataFrame:
        """Return held minutes from `after` on, at least to `now`."""
        start, end, held = self._read.get(symbol, (now, now, empty_bars()))
        if start <= after and now <= end:
            return held
        end = max(now, after) + _AHEAD
        bars = await self._bars.read(symbol, source, after - source.delta, end)
        minutes = as_minutes(bars, source)
        self._read[symbol] = (after, end, minutes)
        return minutes

    async def _newest(
        self, symbol: str, source: Timeframe, now: datetime, limit: int
    ) -> pd.DataFrame:
        """Return the newest closed minutes, looking back farther until there are enough."""
        back = timedelta(days=3) + 2 * limit * source.delta
        while True:
            bars = as_minutes(await self._bars.read(symbol, source, now - back, now), source)
            due = bars[bars["close_time"] <= now]
            everything = now - back < _FIRST
            if len(due) >= limit or everything:
                return due.tail(limit).reset_index(drop=True)
            back *= 4


_FIRST = datetime.fromisoformat("1980-01-01T00:00:00Z")
