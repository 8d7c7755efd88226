"""A live market as a source of past bars: MetaTrader's history, or a replay's."""

from datetime import datetime, timedelta

import pandas as pd

from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.paging import check_timeframe, last_close
from storage.market_ports import Feed

MT5_CARD = SourceCard(
    name="mt5",
    title="MetaTrader 5",
    timeframes=(Timeframe.M1,),
    side=PriceSide.BID,
    volume=VolumeKind.TICKS,
    clock="UTC",
    reach="M1: what the terminal keeps, some months to years (Max. bars in chart)",
    bars_a_second=5000.0,
    note="Your broker's own bars, turned from its clock to UTC.",
)
"""`bars_a_second`: estimated for a terminal that loads from its broker first; what it has already
comes over the bridge at a hundred thousand a second."""
REPLAY_CARD = MT5_CARD.model_copy(
    update={"name": "replay", "title": "Replay", "reach": "what is held", "note": "Held bars."}
)
MOST = 50_000
"""Bars asked for at a time: a terminal reads back from now to a page's start each time."""
LONGEST_REST = timedelta(days=7)
"""No market that we know pauses for longer."""
_SECOND = timedelta(seconds=1)


class FeedSource:
    """See `storage.source_ports.BarSource`; symbols are ours, the feed knows the broker's names.

    Notes
    -----
    A feed can't tell a time without bars from one that it has forgotten: where none came for a
    week it is taken as forgotten, which is a FeedRefusedError, so that another source is asked.
    While its clock is in doubt, as when no price moves, the last bar given is where the page
    ends, and the doubt is noted.
    """

    def __init__(self, feed: Feed, card: SourceCard = MT5_CARD) -> None:
        self._feed = feed
        self.card = card

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return up to 50,000 bars; see the port."""
        check_timeframe(self.card, timeframe)
        clock = await self._feed.clock(now)
        until = max(start, min(end, last_close(timeframe, min(now, clock.now))))
        bars = await self._feed.bars(symbol.symbol, start - _SECOND, now, limit=MOST)
        self._check_reach(symbol, start, until, bars)
        if len(bars) == MOST or clock.doubt:
            until = _close_of_last(bars, until, default=start)
        return Page(_inside(bars, start, until), until, (clock.doubt,) if clock.doubt else ())

    def _check_reach(
        self, symbol: SourceSymbol, start: datetime, until: datetime, bars: pd.DataFrame
    ) -> None:
        """Refuse what lies before the feed's history."""
        first = until if bars.empty else bars["open_time"].iloc[0].to_pydatetime()
        if first - start > LONGEST_REST:
            since = "no bars" if bars.empty else f"its bars begin on {first:%Y-%m-%d}"
            raise FeedRefusedError(
                f"{self.card.title} has nothing of {symbol.symbol} from {start:%Y-%m-%d} on: "
                f"{since}. More come with a higher Max. bars in chart, or from another source."
            )

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:  # noqa: ARG002
        """Return None: a feed says nothing of symbols."""
        return None

    async def close(self) -> None:
        """Leave the feed alone: whoever opened it closes it."""


def _inside(bars: pd.DataFrame, start: datetime, until: datetime) -> pd.DataFrame:
    opened = bars["open_time"]
    kept = bars[(opened >= start) & (opened < until)].reset_index(drop=True)
    return validate_bars(kept, Timeframe.M1)


def _close_of_last(bars: pd.DataFrame, most: datetime, *, default: datetime) -> datetime:
    """Return when the last bar closed, `most` at most; `default` where there is none."""
    if bars.empty:
        return default
    last: datetime = bars["close_time"].iloc[-1].to_pydatetime()
    return min(most, last)
