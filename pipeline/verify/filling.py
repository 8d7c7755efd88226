"""Fills that a market would have given: no trade outside its bars, none better than its orders."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from pipeline.backtest.engine import SimResult, simulate
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel, EntryType, FillMode, Plan
from pipeline.verify.allowed import BEST, OPEN, WORST, Case, Market, best_exit
from pipeline.verify.results import Check, Difference, verdict_of

SIDES = ("the simulated fill", "what the bars allow")
_GRAIN = 1e-9  # of the price: rounding of sums, no tick is that small
_MONEY = 1e-6


Rule = Callable[[Case], tuple[float, float] | None]


def _too_early(case: Case) -> tuple[float, float] | None:
    """Entry not before the signal is known."""
    entered, known = case.trade.entry_time.timestamp(), case.plan.known_at.timestamp()
    return (entered, known) if entered < known else None


def _entry_too_good(case: Case) -> tuple[float, float] | None:
    """Market: the next open and the slippage. Limit: its price, or an open that is better."""
    opened = float(case.market.enter[OPEN, case.first])
    allowed = opened + case.slip
    if case.plan.entry_type is EntryType.LIMIT:
        allowed = min(case.sign * case.plan.entry_price, opened)
    paid = case.sign * case.trade.entry_price
    return _unless(paid >= allowed - _grain(paid), paid, allowed, case.sign)


def _entry_outside(case: Case) -> tuple[float, float] | None:
    """The entry's bar trades at its price (less the slippage)."""
    paid = case.sign * case.trade.entry_price
    slip = case.slip if case.plan.entry_type is EntryType.MARKET else 0.0
    low, high = (float(case.market.enter[i, case.first]) for i in (WORST, BEST))
    held = min(max(paid - slip, low), high)
    return _unless(abs(paid - slip - held) <= _grain(paid), paid - slip, held, case.sign)


def _survived_its_stop(case: Case) -> tuple[float, float] | None:
    """No bar before the exit's reached the stop."""
    stop = case.sign * case.plan.sl_price
    worst = case.market.leave[WORST, case.first : case.last]
    reached = np.flatnonzero(worst <= stop)
    if len(reached) == 0:
        return None
    return case.sign * float(worst[reached[0]]), case.plan.sl_price


def _exit_too_good(case: Case) -> tuple[float, float] | None:
    """The exit pays no more than its orders and its bar do, the stop first where both lie."""
    got, allowed = case.sign * case.trade.exit_price, best_exit(case)
    return _unless(got <= allowed + _grain(got), got, allowed, case.sign)


def _unless(holds: bool, left: float, right: float, sign: int) -> tuple[float, float] | None:  # noqa: FBT001
    return None if holds else (sign * left, sign * right)


def _grain(price: float) -> float:
    return _GRAIN * max(1.0, abs(price))


def _costs_help(case: Case) -> tuple[float, float] | None:
    """Spread, slippage and commission take; the rest is no more than the fills and the swap."""
    trade, kind = case.trade, case.instrument
    moved = case.sign * (trade.exit_price - trade.entry_price) / kind.point
    most = moved * kind.point_value * trade.lots + trade.swap
    if trade.pnl > most + _MONEY * max(1.0, abs(most)):
        return trade.pnl, most
    taken = trade.cost + trade.swap
    return (taken, 0.0) if taken < -_MONEY else None


def _outside_bounds(case: Case) -> tuple[float, float] | None:
    """The result lies between that with the stop first and that with the target first."""
    trade = case.trade
    held = min(max(trade.rr, trade.rr_worst), trade.rr_best)
    return None if abs(trade.rr - held) <= _GRAIN else (trade.rr, held)


RULES: dict[str, Rule] = {
    "entered before the signal was known": _too_early,
    "entry better than its order": _entry_too_good,
    "entry outside its bar": _entry_outside,
    "lived on beyond its stop": _survived_its_stop,
    "exit better than its orders": _exit_too_good,
    "costs that pay": _costs_help,
    "result outside its bounds": _outside_bounds,
}


def faults(
    plans: Sequence[Plan],
    result: SimResult,
    bars: pd.DataFrame,
    instrument: Instrument,
    costs: CostModel,
) -> Iterator[Difference]:
    """Yield what no market would have given, trade by trade.

    Parameters
    ----------
    result
        Of a pessimistic simulation: the stop comes first in a bar that holds both.
    """
    by_id = {plan.signal_id: plan for plan in plans}
    markets = {sign: Market.of(bars, instrument, costs, sign) for sign in (1, -1)}
    slip = costs.slippage_points * instrument.point
    for trade in result.trades:
        plan = by_id[trade.signal_id]
        case = Case(plan, trade, markets[plan.side.sign], instrument, slip)
        for name, rule in RULES.items():
            if (broken := rule(case)) is not None:
                left, right = (f"{value:.10g}" for value in broken)
                yield Difference(
                    at=trade.entry_time, what=f"{trade.trade_id} of {trade.signal_id}",
                    field=name, left=left, right=right,
                )  # fmt: skip
                break


Simulate = Callable[..., SimResult]


def fills(
    plans: Sequence[Plan],
    bars: pd.DataFrame,
    instrument: Instrument,
    costs: CostModel,
    timeframe: Timeframe,
    fill: Simulate = simulate,
) -> Check:
    """Fill the plans the careful way and judge each trade by the bars; then with more slippage.

    Parameters
    ----------
    fill
        The simulation that is judged.
    """
    done = fill(plans, bars, instrument, costs, timeframe=timeframe, mode=FillMode.PESSIMISTIC)
    worse = costs.model_copy(update={"slippage_points": costs.slippage_points + 1})
    dearer = fill(plans, bars, instrument, worse, timeframe=timeframe, mode=FillMode.PESSIMISTIC)
    first = next(faults(plans, done, bars, instrument, costs), None)
    first = first or next(_gains_by_slipping(plans, done, dearer), None)
    compared = len(done.trades) * len(RULES)
    figures: dict[str, int | float] = {"trades": len(done.trades), "plans": len(plans)}
    return verdict_of("fills", SIDES, compared, first, figures)


def _gains_by_slipping(
    plans: Sequence[Plan], done: SimResult, dearer: SimResult
) -> Iterator[Difference]:
    """Yield trades that earn more when slippage grows; a stop at the entry moves, so not those."""
    moved = {p.signal_id for p in plans if p.break_even_after_first}
    before = {t.signal_id: t for t in done.trades}
    for trade in dearer.trades:
        plain = before.get(trade.signal_id)
        if plain is None or trade.signal_id in moved:
            continue
        if trade.pnl_points > plain.pnl_points + _MONEY:
            yield Difference(
                at=trade.entry_time, what=f"{trade.trade_id} of {trade.signal_id}",
                field="earns more with a point more slippage",
                left=f"{trade.pnl_points:.6g} points", right=f"{plain.pnl_points:.6g} points",
            )  # fmt: skip
