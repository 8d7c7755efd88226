"""The newest bars of a symbol: what is held, what was seen live, and the feed's for the rest."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from flows.holdings import usable
from flows.live_seed import history
from flows.market_bars import MarketBars
from flows.services import Services
from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import AppError, NoBarsError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding

REACH = timedelta(days=60)
"""So far back bars are read: weekly levels need three weeks, setups their warm-up."""


@dataclass(frozen=True)
class NewestBars:
    """Bars in the timeframe they were found in, all closed; who gave them; what went wrong."""

    bars: pd.DataFrame
    timeframe: Timeframe
    source: str
    synthetic: bool
    warnings: tuple[str, ...] = ()


async def newest_bars(symbol: str, timeframe: Timeframe, services: Services) -> NewestBars:
    """Return the newest bars that give `timeframe`; none of them closes after now.

    Held ones of the holding that reaches furthest, then those seen live, then the feed's. A feed
    that can't be asked is a warning.

    Raises
    ------
    NoBarsError
        Nothing is held, and there is no feed that has the symbol.
    """
    now = services.clock()
    holding = newest_holding(await _holdings(symbol, services), timeframe)
    source, held = Timeframe.M1, empty_bars()
    if holding is not None:
        source = Timeframe(holding.timeframe)
        held = await services.bars.read(symbol, source, holding.last - REACH, now)
    live, warnings = await _live(symbol, held, now, services)
    joined = MarketBars(source, held, live).joined(source)
    joined = joined[joined["close_time"] <= pd.Timestamp(now)].reset_index(drop=True)
    if joined.empty:
        raise NoBarsError(f"There are no bars of {symbol} that have closed by now.")
    names = holding.sources if holding is not None else ()
    told = [*names, *(["live"] if len(live) else [])]
    synthetic = holding is not None and holding.synthetic
    return NewestBars(joined, source, ", ".join(told), synthetic, warnings)


def newest_holding(holdings: list[Holding], timeframe: Timeframe) -> Holding | None:
    """Return the holding that reaches furthest; within an hour of it, the shortest bars."""
    fitting = usable(holdings, timeframe)
    if not fitting:
        return None
    last = max(h.last for h in fitting) - timedelta(hours=1)
    late = [h for h in fitting if h.last >= last]
    return min(late, key=lambda h: Timeframe(h.timeframe).minutes)


async def _holdings(symbol: str, services: Services) -> list[Holding]:
    return [h for h in await services.bars.holdings() if h.symbol == symbol]


async def _live(
    symbol: str, held: pd.DataFrame, now: datetime, services: Services
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return M1 bars after the held ones: as seen live, and the feed's where one is set."""
    since = now - REACH
    if len(held):
        since = max(since, held["close_time"].iloc[-1].to_pydatetime())
    seen = await services.scans.bars(LIVE, symbol, since, now)
    if services.feed is None:
        return seen, ()
    try:
        if symbol not in await services.feed.offers():
            return seen, ()
        return await history(symbol, since, now, services.feed, now, seen), ()
    except AppError as error:
        return seen, (f"The feed could not be asked: {error.user_text}",)
