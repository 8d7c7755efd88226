"""Reads the kernels' outcome rows back into trades, misses and how trades came about."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from pipeline.backtest import layout
from pipeline.domain.market import Instrument
from pipeline.domain.trade import CostModel, ExitReason, Missed, Plan, Trade
from pipeline.risk import position_size

EXITS = {
    layout.TP: ExitReason.TP,
    layout.SL: ExitReason.SL,
    layout.BE: ExitReason.BE,
    layout.TIME: ExitReason.TIME,
    layout.SESSION_END: ExitReason.SESSION_END,
}
MISSED = {
    layout.EXPIRED: (ExitReason.EXPIRED, "the order was not filled in time"),
    layout.VOID: (ExitReason.VOID, "the setup broke before the fill"),
    layout.INVALID: ("INVALID", "stop or target lay on the wrong side of the fill"),
    layout.BUSY: ("BUSY", "an earlier position or order was still open"),
    layout.NO_BARS: ("NO_BARS", "no bar after the signal"),
}


@dataclass(frozen=True)
class Course:
    """What a trade's fills alone don't tell.

    `left` is the share that was still open after the last bar and so left at its close, 0: the
    trade ended by itself. `first_target_at` is when the first of two targets was taken; None: it
    wasn't, or in the bar that ended the trade.
    """

    left: float = 0.0
    first_target_at: datetime | None = None


@dataclass(frozen=True)
class SimResult:
    """What became of the plans: the trades by entry, and those that never were.

    `courses[i]` is how `trades[i]` came about.
    """

    trades: list[Trade]
    missed: list[Missed]
    courses: list[Course] = field(default_factory=list)


@dataclass(frozen=True)
class Book:
    """Reads the kernels' outcome rows back into trades and misses."""

    plans: list[Plan]
    instrument: Instrument
    costs: CostModel
    lots: float
    risk: float | None

    def read(
        self, chosen: np.ndarray, bounds: list[np.ndarray], max_trades: int | None
    ) -> SimResult:
        """Return what the rows say, one of each plan, in the plans' order.

        `bounds` are the rows of the same plans with the stop first and with the target first.
        """
        trades: list[Trade] = []
        missed: list[Missed] = []
        courses: list[Course] = []
        for k, plan in enumerate(self.plans):
            state = int(chosen[k, layout.O_STATE])
            if state not in EXITS:
                missed.append(_missed(plan, state, chosen[k]))
            elif max_trades is not None and len(trades) >= max_trades:
                note = f"max_trades={max_trades} was reached"
                missed.append(Missed(signal_id=plan.signal_id, reason="MAX_TRADES", note=note))
            elif (lots := self._size(plan)) == 0:
                note = "the stop is too far for the smallest volume"
                at = _moment(chosen[k, layout.O_ENTRY_TIME])
                missed.append(Missed(signal_id=plan.signal_id, reason="SIZE", at=at, note=note))
            else:
                edges = [b[k] for b in bounds]
                trades.append(self._trade(len(trades) + 1, plan, chosen[k], edges, lots))
                courses.append(_course(chosen[k]))
        return SimResult(trades, missed, courses)

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
            exit_reason=EXITS[int(row[layout.O_STATE])],
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
    reason, note = MISSED[state]
    at = _moment(row[layout.O_EXIT_TIME])
    return Missed(signal_id=plan.signal_id, reason=reason, at=at, note=note)


def _course(row: np.ndarray) -> Course:
    first = row[layout.O_FIRST]
    return Course(float(row[layout.O_LEFT]), None if np.isnan(first) else _moment(first))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
