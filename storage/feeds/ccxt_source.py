"""An exchange's spot markets as a source of past bars, over the history that collects them."""

from datetime import datetime

from pipeline.domain.bars import empty_bars
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.ccxt_exchange import CcxtHistory
from storage.feeds.paging import check_timeframe, last_close
from storage.market_ports import History

PAGE_BARS = 5000
"""Bars in one page: five or more answers of the exchange."""
_PRICES = ("open", "high", "low", "close")


def card_of(exchange: str) -> SourceCard:
    """Return what an exchange gives."""
    return SourceCard(
        name="ccxt",
        title=f"{exchange.capitalize()} (ccxt)",
        timeframes=(Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1),
        side=PriceSide.TRADES,
        volume=VolumeKind.UNITS,
        clock="UTC",
        reach="as far back as the exchange keeps a market's bars, often to its first day",
        bars_a_second=5_000.0,
        note="one exchange's own trades; a minute without a trade has a flat bar or none",
    )


class CcxtSource:
    """See `storage.source_ports.BarSource`.

    Parameters
    ----------
    history
        The exchange.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._card = card_of(history.name)

    @property
    def card(self) -> SourceCard:
        """What it gives."""
        return self._card

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return the first of the closed bars; see the port."""
        check_timeframe(self._card, timeframe)
        until = min(end, last_close(timeframe, now), start + PAGE_BARS * timeframe.delta)
        if until <= start:
            return Page(empty_bars(), start)
        bars = await self._history.bars(symbol.name, timeframe, start, until)
        for name in _PRICES:
            bars[name] *= symbol.scale
        return Page(bars, until)

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return what the exchange says of a market: steps and fee; see the port."""
        del now
        market = await self._history.market(symbol.name)
        figures = {"tick_size": market.tick_size, "amount_step": market.amount_step,
                   "taker_fee": market.taker_fee}  # fmt: skip
        return InstrumentFacts(
            source=self._card.name, symbol=symbol.symbol, name=symbol.name, kind="crypto",
            title=f"{market.symbol} at {market.exchange}", market=market.exchange, zone="UTC",
            currency=market.symbol.partition("/")[2], figures=figures,
        )  # fmt: skip

    async def close(self) -> None:
        """Let go of connections."""
        await self._history.close()


def open_exchange(exchange: str, url: str) -> CcxtSource:
    """Return an exchange as a source; nothing is asked yet."""
    return CcxtSource(CcxtHistory(exchange, url))
