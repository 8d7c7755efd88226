"""From plans to trades: lays out the market for the fill kernels and reads their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipeline.backtest import fills, layout
from pipeline.backtest.nights import nights_charged
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.costs import spread_prices
from pipeline.domain.market import Instrument, Swap, Timeframe
from pipeline.domain.trade import (
    CostModel,
    EntryType,
    ExitReason,
    FillMode,
    Missed,
    Plan,
    Trade,
)
from pipeline.risk import position_size

_MODES = {
    FillMode.PESSIMISTIC: layout.PESSIMISTIC,
    FillMode.OPTIMISTIC: layout.OPTIMISTIC,
    FillMode.ADAPTIVE: layout.ADAPTIVE,
    FillMode.DRILLDOWN: layout.DRILLDOWN,
}
_EXITS = {
    layout.TP: ExitReason.TP,
    layout.SL: ExitReason.SL,
    layout.BE: ExitReason.BE,
    layout.TIME: ExitReason.TIME,
    layout.SESSION_END: ExitReason.SESSION_END,
}
_MISSED = {
    layout.EXPIRED: (ExitReason.EXPIRED, "the order was not filled in time"),
    layout.VOID: (ExitReason.VOID, "the setup broke before the fill"),
    layout.INVALID: ("INVALID", "stop or target lay on the wrong side of the fill"),
    layout.BUSY: ("BUSY", "an earlier position or order was still open"),
    layout.NO_BARS: ("NO_BARS", "no bar after the signal"),
}


@dataclass(frozen=True)
class SimResult:
    """What became of the plans: the trades by entry, and those that never were."""

    trades: list[Trade]
    missed: list[Missed]


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
    bar leaves at its close with reason TIME.

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
    return _Book(ordered, instrument, costs, lots, risk).read(chosen, bounds, max_trades)


@dataclass(frozen=True)
class _Book:
    """Reads the kernels' outcome rows back into trades and misses."""

    plans: list[Plan]
    instrument: Instrument
    costs: CostModel
    lots: float
    risk: float | None

    def read(
        self, chosen: np.ndarray, bounds: list[np.ndarray], max_trades: int | None
    ) -> SimResult:
        trades: list[Trade] = []
        missed: list[Missed] = []
        for k, plan in enumerate(self.plans):
            state = int(chosen[k, layout.O_STATE])
            if state not in _EXITS:
                missed.append(_missed(plan, state, chosen[k]))
            elif max_trades is not None and len(trades) >= max_trades:
                note = f"max_trades={max_trades} was reached"
                missed.append(Missed(signal_id=plan.signal_id, reason="MAX_TRADES", note=note))
            elif (lots := self._size(plan)) == 0:
                note = "the stop is too far for the smallest volume"
                missed.append(Missed(signal_id=plan.signal_id, reason="SIZE", note=note))
            else:
                edges = [b[k] for b in bounds]
                trades.append(self._trade(len(trades) + 1, plan, chosen[k], edges, lots))
        return SimResult(trades, missed)

    def _size(self, plan: Plan) -> float:
        distance = abs(plan.entry_price - plan.sl_price)
        return position_size(self.instrument, lots=self.lots, risk=self.risk, distance=distance)

    def _trade(
        self, number: int, plan: Plan, row: np.ndarray, bounds: list[np.ndarray], lots: float
    ) -> Trade:
        risk = abs(row[layout.O_ENTRY_PRICE] - plan.sl_price)
        net = self._net_points(plan, row)
        rr = net * self.instrument.point / risk
        edges = [self._net_points(plan, b) * self.instrument.point / risk for b in bounds]
        worst, best = min(rr, *edges), max(rr, *edges)
        money = self.instrument.point_value * lots
        return Trade(
            trade_id=f"t{number:04d}",
            signal_id=plan.signal_id,
            side=plan.side,
            entry_time=_moment(row[layout.O_ENTRY_TIME]),
            entry_price=row[layout.O_ENTRY_PRICE],
            exit_time=_moment(row[layout.O_EXIT_TIME]),
            exit_price=row[layout.O_EXIT_PRICE],
            exit_reason=_EXITS[int(row[layout.O_STATE])],
            sl_price=plan.sl_price,
            tp_price=plan.targets[-1].price,
            lots=lots,
            pnl_points=net,
            pnl=net * money,
            rr=rr,
            mae=min(row[layout.O_MAE] / risk, 0.0),
            mfe=max(row[layout.O_MFE] / risk, 0.0),
            cost=self._cost_points(plan, row) * money,
            swap=self._swap_points(plan, row) * money,
            nights=row[layout.O_NIGHTS],
            ambiguous=best - worst > layout.DUST,
            rr_worst=worst,
            rr_best=best,
        )

    def _net_points(self, plan: Plan, row: np.ndarray) -> float:
        moved = (row[layout.O_EXIT_PRICE] - row[layout.O_ENTRY_PRICE]) * plan.side.sign
        earned = moved / self.instrument.point + self._swap_points(plan, row)
        return float(earned - self._commission_points())

    def _commission_points(self) -> float:
        """Both sides' commission, as points of one lot."""
        return 2 * self.costs.commission / self.instrument.point_value

    def _swap_points(self, plan: Plan, row: np.ndarray) -> float:
        """What the nights brought; negative: what they cost."""
        swap, nights = self.costs.swap, float(row[layout.O_NIGHTS])
        if swap is None or nights == 0:
            return 0.0
        entry = float(row[layout.O_ENTRY_PRICE])
        return nights * swap.points_per_night(plan.side, entry, self.instrument.point)

    def _cost_points(self, plan: Plan, row: np.ndarray) -> float:
        """Spread on the leg that trades at the ask, slippage on both, commission, swap.

        Net plus cost is what the bid moved between the two fills: see `Trade.cost`.
        """
        paid = row[layout.O_SPREAD] + row[layout.O_SLIPPED] + row[layout.O_ENTRY_SLIPPED]
        fees = self._commission_points() - self._swap_points(plan, row)
        return float(paid / self.instrument.point + fees)


def _missed(plan: Plan, state: int, row: np.ndarray) -> Missed:
    reason, note = _MISSED[state]
    at = _moment(row[layout.O_EXIT_TIME])
    return Missed(signal_id=plan.signal_id, reason=reason, at=at, note=note)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
