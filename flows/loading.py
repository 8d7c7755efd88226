"""Held bars for a setup: the best holding, built into the trigger, with the bars before it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from flows import backtest_compute as compute
from flows.holdings import best_holding
from flows.live_seed import held_bars as held_or_seen
from flows.live_seed import history
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE
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
    *,
    least_before: int = 0,
) -> HeldBars | None:
    """Read and, from a shorter timeframe, build the bars of [start, end) with their warm-up.

    The warm-up is what the setup looks back on, or `least_before` bars if they are more. None:
    nothing is held of the period that could give them.
    """
    start, end = period
    holdings = [h for h in await services.bars.holdings() if h.symbol == symbol]
    holding = best_holding(holdings, trigger, start, end)
    if holding is None:
        return None
    source = Timeframe(holding.timeframe)
    wanted = max(await services.cpu.run(compute.warm_up_bars, spec, trigger), least_before)
    raw = await services.bars.read(symbol, source, start - _reach(wanted, trigger), end)
    bars = raw if source is trigger else await services.cpu.run(
        compute.rebuild, raw, source, trigger
    )  # fmt: skip
    return _cut(bars, wanted, start, raw, holding)


async def seen_bars(
    spec: SetupSpec,
    symbol: str,
    trigger: Timeframe,
    period: tuple[datetime, datetime],
    services: Services,
) -> HeldBars | None:
    """Do as `held_bars`, from M1 bars that live scanning saw; held ones or the feed's before."""
    start, end = period
    if (await services.scans.bars(LIVE, symbol, start, end)).empty:
        return None
    wanted = await services.cpu.run(compute.warm_up_bars, spec, trigger)
    since, now = start - _reach(wanted, trigger), services.clock()
    raw = await held_or_seen(symbol, since, end, LIVE, services)
    if services.feed is not None:
        with suppress(AppError):  # the feed is down, or has no such symbol: fewer bars before it
            raw = await history(symbol, since, min(end, now), services.feed, now, raw)
    bars = await services.cpu.run(compute.rebuild, raw, Timeframe.M1, trigger)
    opened = raw["open_time"]
    holding = Holding(
        symbol=symbol, timeframe=Timeframe.M1.value, bars=len(raw),
        first=opened.iloc[0].to_pydatetime(), last=opened.iloc[-1].to_pydatetime(),
        sources=("seen live",),
    )  # fmt: skip
    return _cut(bars, wanted, start, raw, holding)


def _cut(
    bars: pd.DataFrame, wanted: int, start: datetime, raw: pd.DataFrame, holding: Holding
) -> HeldBars | None:
    """Return the bars from so many before the start on; None: there are none in the period."""
    before = int(bars["open_time"].searchsorted(pd.Timestamp(start)))
    first = max(before - wanted, 0)
    warm = before - first
    bars = bars.iloc[first:].reset_index(drop=True)
    if len(bars) == warm:
        return None
    return HeldBars(bars, warm, wanted, raw, Timeframe(holding.timeframe), holding)


def _reach(bars: int, timeframe: Timeframe) -> timedelta:
    """Return how far back so many bars lie at most: markets sleep most of some weeks."""
    return bars * timeframe.delta * 4 + 7 * _DAY
