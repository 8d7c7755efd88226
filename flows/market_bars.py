"""Bars around a moment for looking at: what is held, and behind it what was seen live."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from flows.holdings import best_holding
from flows.services import Services
from pipeline.data.clean import resample
from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Timeframe


@dataclass(frozen=True)
class MarketBars:
    """Bars of a symbol as they were found: held ones of `source`, and M1 as seen live."""

    source: Timeframe
    held: pd.DataFrame
    seen: pd.DataFrame
    synthetic: bool = False

    def joined(self, timeframe: Timeframe) -> pd.DataFrame:
        """Return bars of a timeframe not shorter than `source`: the held ones, then the seen."""
        later = resample(self.seen, Timeframe.M1, self.source)
        if len(self.held):
            later = later[later["open_time"] > self.held["open_time"].iloc[-1]]
        kept = [part for part in (self.held, later) if len(part)]
        whole = pd.concat(kept, ignore_index=True) if kept else self.held
        return resample(whole, self.source, timeframe)


async def bars_around(
    symbol: str,
    timeframe: Timeframe,
    span: tuple[datetime, datetime],
    services: Services,
    origin: str | None = None,
) -> MarketBars:
    """Return the bars of [start, end) from which bars of a timeframe can be made.

    Parameters
    ----------
    origin
        Whose bars as seen live to put behind the held ones; None: none.

    Raises
    ------
    NoBarsError
        There are neither held nor seen bars.
    """
    start, end = span
    holdings = [h for h in await services.bars.holdings() if h.symbol == symbol]
    holding = best_holding(holdings, timeframe, start, end)
    source, held = Timeframe.M1, empty_bars()
    if holding is not None:
        source = Timeframe(holding.timeframe)
        held = await services.bars.read(symbol, source, start, end)
    seen = empty_bars()
    if origin is not None:
        seen = await services.scans.bars(origin, symbol, start, end)
    if held.empty and seen.empty:
        raise NoBarsError(
            f"No bars of {symbol} {timeframe} are held from {start:%Y-%m-%d} to {end:%Y-%m-%d}.",
            symbol=symbol,
        )
    return MarketBars(source, held, seen, holding is not None and holding.synthetic)
