"""From plans to trades: lays out plans and market for the fill kernels and runs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.backtest import fills, layout
from pipeline.backtest.book import Book, SimResult
from pipeline.backtest.nights import nights_charged
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.costs import spread_prices
from pipeline.domain.market import Instrument, Swap, Timeframe
from pipeline.domain.trade import (
    CostModel,
    EntryType,
    FillMode,
    Plan,
)

__all__ = ["LaidOut", "SimResult", "lay_out", "market_array", "plan_row", "simulate"]

_MODES = {
    FillMode.PESSIMISTIC: layout.PESSIMISTIC,
    FillMode.OPTIMISTIC: layout.OPTIMISTIC,
    FillMode.ADAPTIVE: layout.ADAPTIVE,
    FillMode.DRILLDOWN: layout.DRILLDOWN,
}


def market_array(
    bars: pd.DataFrame,
    instrument: Instrument,
    timeframe: Timeframe,
    spread_points: float | None,
    swap: Swap | None = None,
) -> np.ndarray:
    """Lay out a bar frame for the kernels: float64, shape (8, n), rows as in `layout`."""
    seconds = epoch_seconds(bars["open_time"])
    opened = seconds.astype("float64")
    return np.ascontiguousarray(
        np.vstack(
            [
                bars["open"].to_numpy(),
                bars["high"].to_numpy(),
                bars["low"].to_numpy(),
                bars["close"].to_numpy(),
                spread_prices(bars, instrument, spread_points),
                opened,
                opened + timeframe.minutes * 60.0,
                nights_charged(seconds, swap),
            ]
        )
    )


@dataclass(frozen=True)
class LaidOut:
    """Bars as the kernels read them: the trigger's, and M1 bars inside them (may be none)."""

    market: np.ndarray
    minutes: np.ndarray


def lay_out(
    bars: pd.DataFrame,
    instrument: Instrument,
    costs: CostModel,
    *,
    timeframe: Timeframe,
    m1: pd.DataFrame | None = None,
) -> LaidOut:
    """Lay out bars for `simulate` once, to carry out many sets of plans on them."""
    inner = bars.iloc[:0] if m1 is None or timeframe is Timeframe.M1 else m1
    return LaidOut(
        market_array(bars, instrument, timeframe, costs.spread_points, costs.swap),
        market_array(inner, instrument, Timeframe.M1, costs.spread_points),
    )


def _seconds(moment: datetime | None) -> float:
    return np.nan if moment is None else moment.timestamp()


def _price(price: float | None) -> float:
    return np.nan if price is None else price


def plan_row(plan: Plan) -> list[float]:
    """Return a plan as the kernels' row (columns as in `layout`)."""
    first, *rest = plan.targets
    return [
        float(plan.side.sign),
        plan.known_at.timestamp(),
        plan.entry_price if plan.entry_type is EntryType.LIMIT else np.nan,
        plan.sl_price,
        first.price,
        first.share if rest else 1.0,
        rest[0].price if rest else np.nan,
        _seconds(plan.expires_at),
        _seconds(plan.flat_at),
        _seconds(plan.max_hold_until),
        float(plan.break_even_after_first),
        _price(plan.void_touch_below),
        _price(plan.void_touch_above),
        _price(plan.void_close_below),
        _price(plan.void_close_above),
    ]


def simulate(
    plans: Sequence[Plan],
    bars: pd.DataFrame,
    instrument: Instrument,
    costs: CostModel,
    *,
    timeframe: Timeframe,
    mode: FillMode = FillMode.DRILLDOWN,
    m1: pd.DataFrame | None = None,
    lots: float = 1.0,
    risk: float | None = None,
    parallel: bool = True,
    max_trades: int | None = None,
    laid_out: LaidOut | None = None,
) -> SimResult:
    """Carry out plans on bars.

    Parameters
    ----------
    plans
        Any order; each fills from the first bar with open_time >= its `known_at`.
    bars
        Bar frame of the trigger timeframe. m1: bar frame for drill-down, or None.
    costs
        Spread and slippage in points, commission in money per lot and side, swap per night.
    lots, risk
        The size as in `risk.position_size`, by each ticket's own distance to its stop. A position
        that would be smaller than the broker's smallest is missed as SIZE.
    parallel
        False: a plan that becomes known while an earlier one rests or runs is missed as BUSY.
    max_trades
        Later plans are left out once so many trades have been made.
    laid_out
        What `lay_out` made of the same bars and costs, for callers who ask often; None: now.

    Returns
    -------
    Trades in the order of their signals, numbered from 1. A position still open after the last
    bar leaves at its close with reason TIME; its `Course` says that it did.

    Notes
    -----
    `rr_worst` and `rr_best` come from the same plans with the stop and with the target first in
    every bar that could be read both ways. No plans, or no bars, give no trades.
    """
    ordered = sorted(plans, key=lambda plan: plan.known_at)
    if not ordered:
        return SimResult([], [])
    rows = np.array([plan_row(plan) for plan in ordered])
    laid = laid_out or lay_out(bars, instrument, costs, timeframe=timeframe, m1=m1)
    slip = costs.slippage_points * instrument.point

    def outcome(how: FillMode, *, one: bool) -> np.ndarray:
        return np.asarray(fills.run_plans(rows, laid.market, laid.minutes, slip, _MODES[how], one))

    chosen = outcome(mode, one=not parallel)
    # The bounds are those of the same positions: with one at a time, another order of events
    # would let other plans in, so they are always followed plan by plan.
    bounds = [outcome(how, one=False) for how in (FillMode.PESSIMISTIC, FillMode.OPTIMISTIC)]
    return Book(ordered, instrument, costs, lots, risk).read(chosen, bounds, max_trades)
