"""Honest fills pass, of every kind of plan; a simulation that is too kind is caught, by its rule."""

import numpy as np
import pytest

from pipeline.backtest.engine import SimResult, simulate
from pipeline.domain.market import Timeframe
from pipeline.domain.trade import CostModel, FillMode
from pipeline.verify.filling import fills
from tests.kit.fill_cases import INSTRUMENT, five_minutes, random_minutes, random_plans

COSTS = CostModel(slippage_points=0.2, commission=3.0)


def market(seed, timeframe=Timeframe.M5):
    rng = np.random.default_rng(seed)
    bars = random_minutes(rng, 900)
    bars = bars if timeframe is Timeframe.M1 else five_minutes(bars)
    return random_plans(rng, bars, 200), bars


@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5])
@pytest.mark.parametrize("seed", range(6))
def test_honest_fills_pass(seed, timeframe):
    found = fills(*market(seed, timeframe), INSTRUMENT, COSTS, timeframe)
    assert found.verdict == "passed", found
    assert found.figures["trades"] > 100


def kind(change):
    """Return a simulation whose trades are touched up."""

    def fill(plans, bars, instrument, costs, **how):
        done = simulate(plans, bars, instrument, costs, **how)
        by_id = {plan.signal_id: plan for plan in plans}
        trades = [t.model_copy(update=change(t, by_id[t.signal_id], bars)) for t in done.trades]
        return SimResult(trades, done.missed)

    return fill


def target_first(plans, bars, instrument, costs, **how):
    return simulate(plans, bars, instrument, costs, **{**how, "mode": FillMode.OPTIMISTIC})


def at_the_bars_best(trade, plan, bars):
    row = int(np.searchsorted(bars["open_time"], trade.entry_time))
    return {"entry_price": bars["low" if plan.side.sign > 0 else "high"].iloc[row]}


def without_slippage(trade, plan, bars):
    return {"entry_price": trade.entry_price - plan.side.sign * 0.2 * INSTRUMENT.point}


def at_the_signals_close(trade, plan, bars):
    return {"entry_time": plan.known_at - Timeframe.M5.delta}


def beyond_the_bar(trade, plan, bars):
    return {"entry_price": trade.entry_price + plan.side.sign * 50.0}


def never_stopped(trade, plan, bars):
    """A loser that holds on until the last bar."""
    if trade.exit_reason != "SL":
        return {}
    return {"exit_time": bars["close_time"].iloc[-1].to_pydatetime(), "exit_reason": "TIME"}


def a_little_more(trade, plan, bars):
    return {"exit_price": trade.exit_price + plan.side.sign * 0.5 * INSTRUMENT.point}


def rebate(trade, plan, bars):
    return {"pnl": trade.pnl + 50.0}


@pytest.mark.parametrize(
    ("fill", "why"),
    [
        (target_first, "exit better than its orders"),
        (kind(at_the_bars_best), "entry better than its order"),
        (kind(without_slippage), "entry better than its order"),
        (kind(at_the_signals_close), "entered before the signal was known"),
        (kind(beyond_the_bar), "entry outside its bar"),
        (kind(never_stopped), "lived on beyond its stop"),
        (kind(a_little_more), "exit better than its orders"),
        (kind(rebate), "costs that pay"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fill_that_is_too_kind(fill, why):
    found = fills(*market(1), INSTRUMENT, COSTS, Timeframe.M5, fill)
    assert found.verdict == "failed"
    assert found.difference.field == why
    assert found.difference.at is not None


def test_slippage_that_pays():
    def fill(plans, bars, instrument, costs, **how):
        """Charge nothing where much should be charged."""
        free = costs.model_copy(update={"slippage_points": 0.0})
        return simulate(
            plans, bars, instrument, free if costs.slippage_points > 1 else costs, **how
        )

    found = fills(*market(1), INSTRUMENT, COSTS, Timeframe.M5, fill)
    assert found.difference.field == "earns more with a point more slippage"
