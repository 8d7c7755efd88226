"""What the bars and a plan's orders allow a trade: the best exit a market would have given."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.costs import spread_prices
from pipeline.domain.market import Instrument
from pipeline.domain.trade import CostModel, EntryType, ExitReason, Plan, Trade

OPEN, BEST, WORST, CLOSE = range(4)


@dataclass(frozen=True)
class Market:
    """Bars as the orders of one side meet them, in signed prices: up is good for the trade.

    `enter` is what is paid to open (ask for a long), `leave` what closing brings (bid for a
    long): rows open, best, worst, close.
    """

    opened: np.ndarray
    enter: np.ndarray
    leave: np.ndarray

    @classmethod
    def of(
        cls, bars: pd.DataFrame, instrument: Instrument, costs: CostModel, sign: int
    ) -> "Market":
        """Lay out the bars for one side."""
        spread = spread_prices(bars, instrument, costs.spread_points)
        o, h, low, c = (bars[n].to_numpy() for n in ("open", "high", "low", "close"))
        bid = np.vstack([o, h, low, c] if sign > 0 else [-o, -low, -h, -c])
        ask = bid + sign * spread
        enter, leave = (ask, bid) if sign > 0 else (bid, ask)
        return cls(epoch_seconds(bars["open_time"]), enter, leave)

    def row(self, seconds: float) -> int:
        """Return the bar in which a moment lies; the end of the last bar belongs to it."""
        return int(np.searchsorted(self.opened, seconds, side="right")) - 1


@dataclass(frozen=True)
class Case:
    """One trade beside its plan and the bars it lived in; all prices signed."""

    plan: Plan
    trade: Trade
    market: Market
    instrument: Instrument
    slip: float

    @property
    def sign(self) -> int:
        """+1 for a long."""
        return self.plan.side.sign

    @property
    def first(self) -> int:
        """Row of the entry's bar."""
        return self.market.row(self.trade.entry_time.timestamp())

    @property
    def last(self) -> int:
        """Row of the exit's bar."""
        return self.market.row(self.trade.exit_time.timestamp())

    @property
    def inside(self) -> bool:
        """Whether a limit was reached after its bar's open: nobody knows when."""
        limit = self.sign * self.plan.entry_price
        resting = self.plan.entry_type is EntryType.LIMIT
        return resting and bool(self.market.enter[OPEN, self.first] > limit)

    def best(self, row: int) -> float:
        """Best leaving price that a bar proves: after a fill inside it, its close alone."""
        unproven = row == self.first and self.inside
        return float(self.market.leave[CLOSE if unproven else BEST, row])

    def opening(self, row: int) -> float:
        """Leaving price at a bar's open; none on the bar inside which it was filled."""
        filled_later = row == self.first and self.inside
        return -np.inf if filled_later else float(self.market.leave[OPEN, row])


def best_exit(case: Case) -> float:
    """Return the best share-weighted exit that the rules allow (stop before target in one bar)."""
    share, price, row = _first_leg(case)
    return share * price + (1 - share) * _last_leg(case, row)


def _first_leg(case: Case) -> tuple[float, float, int]:
    """Return the share that left at the first of two targets, its price and bar; −1: none."""
    first = case.plan.targets[0]
    target = case.sign * first.price
    rows = range(case.first, case.last + 1) if len(case.plan.targets) > 1 else range(0)
    for row in rows:
        if case.opening(row) >= target:
            return first.share, case.opening(row), row
        stopped = row == case.last and case.trade.exit_reason is ExitReason.SL
        if case.best(row) >= target and not stopped and not _left_at_open(case, row):
            return first.share, target, row
    return 0.0, 0.0, -1


def _left_at_open(case: Case, row: int) -> bool:
    """Whether the rest left at this bar's open, before its inside."""
    reason, final = case.trade.exit_reason, row == len(case.market.opened) - 1
    by_clock = reason is ExitReason.SESSION_END or (reason is ExitReason.TIME and not final)
    return row == case.last and by_clock


def _last_leg(case: Case, taken_at: int) -> float:
    """Return the best price at which the rest may have left; −inf: it can't have left so."""
    reason, row = case.trade.exit_reason, case.last
    opened = case.opening(row)
    if reason is ExitReason.TP:
        return _at_target(case, row, opened, taken=taken_at >= 0)
    if reason in (ExitReason.SL, ExitReason.BE):
        moved = reason is ExitReason.BE
        stop = case.sign * (case.trade.entry_price if moved else case.plan.sl_price)
        if case.market.leave[WORST, row] > stop:
            return -np.inf
        # A stop that was moved in this bar wasn't there at its open.
        there = np.isfinite(opened) and not (moved and taken_at == row)
        return (min(stop, opened) if there else stop) - case.slip
    leaves = opened if _left_at_open(case, row) else float(case.market.leave[CLOSE, row])
    return max(leaves, opened) - case.slip


def _at_target(case: Case, row: int, opened: float, *, taken: bool) -> float:
    target = case.sign * case.plan.targets[-1].price
    if opened >= target:
        return opened
    moved = taken and case.plan.break_even_after_first
    stop = case.sign * (case.trade.entry_price if moved else case.plan.sl_price)
    if case.market.leave[WORST, row] <= stop:
        return -np.inf  # it lies in the same bar and comes first
    return target if case.best(row) >= target else -np.inf
