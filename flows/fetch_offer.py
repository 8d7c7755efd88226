"""The offer to fetch what a backtest lacks: from which source, how long, and then the test."""

import math
from dataclasses import dataclass
from datetime import timedelta

from flows import backtest_compute as compute
from flows.fetch_plan import fetch_command, plan_fetch
from flows.fetch_text import lasting
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.fetch import FetchRequest
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestRequest

_DAY = timedelta(days=1)
_WEEK_SHARE = 7 / 5
_SLACK_DAYS = 4


@dataclass(frozen=True)
class FetchOffer:
    """A source that has what is lacking, how long it takes in words, and the command for it."""

    title: str
    lasting: str
    command: str


async def fetch_offers(
    request: BacktestRequest, then: str, services: Services
) -> tuple[FetchOffer, ...]:
    """Return an offer for each source that can give the bars of a backtest, at most three.

    Parameters
    ----------
    then
        The command that is started once the bars are there.
    """
    found = []
    for name in services.sources:
        asked = await _asked(request, then, name, services)
        try:
            plan = await plan_fetch(asked, services)
        except AppError:
            continue
        first = plan.candidates[0]
        if first.symbol.first is not None and request.end < first.symbol.first:
            continue
        title = first.source.card.title
        found.append(FetchOffer(title, lasting(plan.seconds), fetch_command(asked)))
    return tuple(found[:3])


async def _asked(
    request: BacktestRequest, then: str, source: str, services: Services
) -> FetchRequest:
    """Return the fetch of a backtest's period with the bars that its setup looks back on."""
    spec = await services.setups.get(request.setup_id)
    warm = await services.cpu.run(compute.warm_up_bars, spec, request.timeframe)
    days = math.ceil(warm * request.timeframe.delta / _DAY * _WEEK_SHARE) + _SLACK_DAYS
    return FetchRequest(
        symbol=request.symbol, timeframe=Timeframe.M1, start=request.start - days * _DAY,
        end=request.end, source=source, then=then,
    )  # fmt: skip
