"""The bars of a parity certificate: as live saw them, as they are now, and those before."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from flows.live_seed import held_bars, history, reach_of
from flows.news import reads_news
from flows.parity_trail import WatchedSymbol
from flows.services import Services
from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.live.parity_day import ParityDay
from pipeline.setups.rules import SetupSpec
from storage.feeds.replay import ReplayFeed
from storage.market_ports import Feed
from storage.telemetry import get_logger

log = get_logger(__name__)
M1 = Timeframe.M1
_TICK = timedelta(microseconds=1)


async def parity_day(
    origin: str,
    watched: WatchedSymbol,
    specs: dict[str, SetupSpec],
    sources: dict[str, Timeframe],
    services: Services,
) -> tuple[ParityDay, str]:
    """Return what is compared of one symbol, and what to mind ("": nothing).

    Parameters
    ----------
    sources
        For a replay: the timeframe of the held bars it played, by symbol.

    Notes
    -----
    What is held now comes from where live had it: the feed, asked again; a replay's held bars.
    Without a feed that answers, the bar store's M1 bars of that time, if there are any.
    """
    symbol, start, end = watched.symbol, watched.start, watched.end
    setups = tuple((specs[s.setup_id], s.tf) for s in watched.setups)
    feed: Feed | None = services.feed
    if origin != LIVE:
        feed = ReplayFeed(services.bars, sources)
    seen = await services.scans.bars(origin, symbol, start, end)
    before = start - await services.cpu.run(_reach, setups)
    mind, held = "", None
    try:
        old = await _history(symbol, (before, start), origin, feed, services)
        held = await _held(symbol, (start, end), feed, services)
    except AppError as error:
        log.warning("parity_without_feed", symbol=symbol, error=str(error))
        mind = f"{symbol}: {error.user_text} Compared with what is held."
        old = await _history(symbol, (before, start), origin, None, services)
    if held is None:
        held = await _stored(symbol, (start, end), services)
        mind = mind or f"{symbol}: no feed to ask again; compared with what is held."
    if held.empty:
        held, mind = None, f"{symbol}: nothing is held to compare its bars with."
    news = await services.news.read() if any(reads_news(spec) for spec, _ in setups) else None
    live = await services.signals.between(origin, start + _TICK, end + _TICK)
    mine = tuple(r for r in live if r.signal.symbol == symbol)
    instrument = await services.instruments.get(symbol)
    day = ParityDay(symbol, setups, instrument, start, end, old, seen, held, mine, news)
    return day, mind


def _reach(setups: Sequence[tuple[SetupSpec, Timeframe]]) -> timedelta:
    from pipeline.live.scanning import m1_bars_needed  # noqa: PLC0415  (which loads kernels)

    return reach_of(m1_bars_needed(setups))


async def _history(
    symbol: str,
    span: tuple[datetime, datetime],
    origin: str,
    feed: Feed | None,
    services: Services,
) -> pd.DataFrame:
    """Return the bars before, as a scanner that begins then is given them."""
    held = empty_bars()
    if origin == LIVE:
        held = await held_bars(symbol, *span, origin, services)
    if feed is None:
        return held
    return await history(symbol, *span, feed, services.clock(), held)


async def _held(
    symbol: str, span: tuple[datetime, datetime], feed: Feed | None, services: Services
) -> pd.DataFrame | None:
    """Return what the feed has of a time now; None: it has not even the symbol."""
    if feed is None or symbol not in await feed.offers():
        return None
    now = services.clock()
    found = await history(symbol, *span, feed, now, empty_bars())
    return found[found["open_time"] >= span[0]].reset_index(drop=True)


async def _stored(
    symbol: str, span: tuple[datetime, datetime], services: Services
) -> pd.DataFrame:
    for holding in await services.bars.holdings():
        if (holding.symbol, holding.timeframe) == (symbol, M1.value) and not holding.synthetic:
            bars = await services.bars.read(symbol, M1, *span)
            return bars[bars["close_time"] <= span[1]].reset_index(drop=True)
    return empty_bars()
