"""Held bars for a setup: the best holding, built into the trigger, with the bars before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from flows import backtest_compute as compute
from flows.holdings import best_holding
from flows.services import Services
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.setups.rules import SetupSpec

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class HeldBars:
    """Bars of a period in the trigger's timeframe; the first `warm` lie before it.

    `raw` are the bars as they are held, in the timeframe `source`.
    """

    bars: pd.DataFrame
    warm: int
    wanted: int
    raw: pd.DataFrame
    source: Timeframe
    holding: Holding


async def held_bars(
    spec: SetupSpec,
    symbol: str,
    trigger: Timeframe,
    period: tuple[datetime, datetime],
    services: Services,
) -> HeldBars | None:
    """Read and, from a shorter timeframe, build the bars of [start, end) with their warm-up.

    None: nothing is held of the period that could give them.
    """
    start, end = period
    holdings = [h for h in await services.bars.holdings() if h.symbol == symbol]
    holding = best_holding(holdings, trigger, start, end)
    if holding is None:
        return None
    source = Timeframe(holding.timeframe)
    wanted = await services.cpu.run(compute.warm_up_bars, spec, trigger)
    raw = await services.bars.read(symbol, source, start - _reach(wanted, trigger), end)
    bars = raw if source is trigger else await services.cpu.run(
        compute.rebuild, raw, source, trigger
    )  # fmt: skip
    before = int(bars["open_time"].searchsorted(pd.Timestamp(start)))
    first = max(before - wanted, 0)
    warm = before - first
    bars = bars.iloc[first:].reset_index(drop=True)
    return None if len(bars) == warm else HeldBars(bars, warm, wanted, raw, source, holding)


def _reach(bars: int, timeframe: Timeframe) -> timedelta:
    """Return how far back so many bars lie at most: markets sleep most of some weeks."""
    return bars * timeframe.delta * 4 + 7 * _DAY
