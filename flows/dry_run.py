"""What a backtest would do, without doing it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from flows import backtest_compute as compute
from flows.backtest import BACKTEST_TASKS
from flows.backtest_steps import period_bounds
from flows.holdings import best_holding
from flows.services import Services
from flows.start_checks import checked
from flows.trail import write_trail
from pipeline.domain.errors import AppError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.request import Actor, BacktestRequest
from pipeline.setups.rules import SetupSpec

_SECONDS_PER_BAR = 8e-6  # measured: 372k M1 bars take 3 s beside the pictures
_SECONDS_ALWAYS = 2.5
_SLACK = timedelta(days=4)  # a period may start or end at a weekend or holiday


class DryRunPlan(BaseModel):
    """What a backtest would do; nothing heavy was computed for it."""

    model_config = ConfigDict(frozen=True)

    request: BacktestRequest
    rule_version: str
    tasks: tuple[str, ...]
    loaded_from: str
    bars_needed: int
    bars_held: int
    warm_up_bars: int
    missing: tuple[str, ...]
    expected_seconds: float


async def plan(request: BacktestRequest, actor: Actor, services: Services) -> DryRunPlan:
    """Return what the backtest would do."""
    what = request.model_dump(mode="json")
    try:
        spec, holdings = await checked(request, services)
    except AppError as error:
        await write_trail(services, actor, "backtest_dry_run", what, refusal=error)
        raise
    await write_trail(services, actor, "backtest_dry_run", what)
    warm_up = await asyncio.to_thread(compute.warm_up_bars, spec, request.timeframe)
    return _plan_of(request, spec, holdings, warm_up)


def _plan_of(
    request: BacktestRequest, spec: SetupSpec, holdings: Sequence[Holding], warm_up: int
) -> DryRunPlan:
    start, end = period_bounds(request)
    holding = best_holding(holdings, request.timeframe, start, end)
    assert holding is not None  # noqa: S101  (the check saw to it)
    first, last = max(holding.first, start), min(holding.last, end)
    read = holding.bars * (last - first) / max(holding.last - holding.first, last - first)
    held = read * Timeframe(holding.timeframe).minutes / request.timeframe.minutes
    missing = []
    if first - start > _SLACK:
        missing.append(f"before {holding.first.date()}")
    if end - last > _SLACK:
        missing.append(f"after {holding.last.date()}")
    return DryRunPlan(
        request=request,
        rule_version=spec.rule_version,
        tasks=BACKTEST_TASKS,
        loaded_from=holding.timeframe,
        bars_needed=round(held * (end - start) / (last - first)) if missing else round(held),
        bars_held=round(held),
        warm_up_bars=warm_up,
        missing=tuple(missing),
        expected_seconds=round(_SECONDS_ALWAYS + _SECONDS_PER_BAR * read, 1),
    )
