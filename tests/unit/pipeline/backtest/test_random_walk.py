"""On a market without memory no setup wins or loses, and with costs each loses what it pays.

A detector that peeks, a fill that is too kind or a cost that isn't charged would show as a mean
of R away from zero (or from the cost) here, whatever else it looked like.
"""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.backtest.engine import simulate
from pipeline.data.clean import resample
from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType, ExitReason, FillMode, Plan, Trade
from storage.instruments import YamlInstruments
from tests.kit.random_walk import walk
from tests.kit.setups import LIBRARY, signals_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EURUSD = asyncio.run(YamlInstruments().get("EURUSD"))
TRIGGER = {
    "Frank_raid_v1": Timeframe.M1,
    "IB_raid_v1": Timeframe.M1,
    "Asia_fvg_break_v2": Timeframe.M15,
    "Asia_sweep_engulf_v1": Timeframe.M1,
}
ENOUGH, MOST_YEARS, SEED = 2000, 45, 2
SIGMA = 2e-4  # an average minute moves two pips, so that few tickets are refused for their spread
COMMISSION = 3.0
FREE = CostModel(spread_points=0.0, slippage_points=0.0)
FEES = FREE.model_copy(update={"commission": COMMISSION})
FULL = CostModel(slippage_points=EURUSD.slippage_points, commission=COMMISSION, swap=EURUSD.swap)


@dataclass
class Walked:
    """All trades of one setup, without costs, with the commission alone, with all costs."""

    plans: list[Plan] = field(default_factory=list)
    free: list[Trade] = field(default_factory=list)
    fees: list[Trade] = field(default_factory=list)
    full: list[Trade] = field(default_factory=list)


@pytest.fixture(scope="module")
def tested() -> dict[str, Walked]:
    """Walk year after year until each setup has made enough trades."""
    found = {name: Walked() for name in TRIGGER}
    for year in range(MOST_YEARS):
        wanting = [name for name, t in found.items() if len(t.free) < ENOUGH]
        if not wanting:
            break
        minutes = walk(
            np.random.default_rng([SEED, year]), 2000 + year % 25, start=1.1, sigma=SIGMA
        )
        for name in wanting:
            trigger, into = TRIGGER[name], found[name]
            bars = resample(minutes, Timeframe.M1, trigger)
            plans = signals_of(bars, LIBRARY[name], trigger, EURUSD).plans
            named = [p.model_copy(update={"signal_id": f"{year} {p.signal_id}"}) for p in plans]
            into.plans += named
            for costs, kept in ((FREE, into.free), (FEES, into.fees), (FULL, into.full)):
                kept += simulate(named, bars, EURUSD, costs, timeframe=trigger, m1=minutes).trades
    return found


def test_every_built_in_setup_is_tested():
    assert TRIGGER.keys() == LIBRARY.keys()


def within_two_errors(results: np.ndarray) -> bool:
    return abs(results.mean()) <= 2 * results.std(ddof=1) / np.sqrt(len(results))


def rr_of(trades: list[Trade]) -> np.ndarray:
    return np.array([t.rr for t in trades])


def cost_in_r(trade: Trade, instrument: Instrument = EURUSD) -> float:
    points = abs(trade.entry_price - trade.sl_price) / instrument.point
    return trade.cost / (points * instrument.point_value * trade.lots)


@pytest.mark.parametrize("name", TRIGGER)
def test_without_costs_the_mean_is_zero(tested, name):
    results = rr_of(tested[name].free)
    assert len(results) >= ENOUGH
    assert within_two_errors(results), results.mean()


@pytest.mark.parametrize("name", TRIGGER)
def test_a_fee_lowers_each_trade_by_itself(tested, name):
    free, fees = tested[name].free, tested[name].fees
    assert [t.signal_id for t in free] == [t.signal_id for t in fees]
    lowered = rr_of(free) - rr_of(fees)
    np.testing.assert_allclose(lowered, [cost_in_r(t) for t in fees], atol=1e-9)


@pytest.mark.parametrize("name", TRIGGER)
def test_with_all_costs_the_mean_is_minus_the_cost(tested, name):
    """Spread and slippage move fills, so trades may differ; what is left above the cost is zero."""
    results = rr_of(tested[name].full)
    paid = np.array([cost_in_r(t) for t in tested[name].full])
    assert len(results) >= 0.9 * ENOUGH
    assert within_two_errors(results + paid), (results + paid).mean()
    assert results.mean() < -2 * results.std(ddof=1) / np.sqrt(len(results))


@pytest.mark.parametrize("name", [n for n in TRIGGER if n != "Asia_fvg_break_v2"])
def test_the_same_way_with_all_costs_is_lower_by_exactly_the_cost(tested, name):
    """Longs at market, as only their fills lie at the same bids with and without a spread."""
    market = {
        p.signal_id
        for p in tested[name].plans
        if p.entry_type is EntryType.MARKET and p.side is Side.LONG
    }
    free = {t.signal_id: t for t in tested[name].free if t.signal_id in market}
    full = {t.signal_id: t for t in tested[name].full if t.signal_id in market}
    pairs = [(t, free[k]) for k, t in full.items() if k in free and same_way(t, free[k])]
    assert len(pairs) > 0.9 * len(full)
    for dear, plain in pairs:
        assert dear.pnl + dear.cost == pytest.approx(plain.pnl, abs=1e-6)


def same_way(a: Trade, b: Trade) -> bool:
    if ExitReason.BE in (a.exit_reason, b.exit_reason):
        return False  # a stop moved to the entry lies where the entry was paid
    return (a.entry_time, a.exit_time, a.exit_reason) == (b.entry_time, b.exit_time, b.exit_reason)


def test_a_fill_that_is_too_kind_is_caught():
    """A control: with the target first in every bar the same walk seems to pay."""
    name, trigger = "Asia_fvg_break_v2", Timeframe.M15
    results: list[Trade] = []
    for year in range(6):
        minutes = walk(np.random.default_rng([SEED, year]), 2000 + year, start=1.1, sigma=SIGMA)
        bars = resample(minutes, Timeframe.M1, trigger)
        plans = signals_of(bars, LIBRARY[name], trigger, EURUSD).plans
        results += simulate(
            plans, bars, EURUSD, FREE, timeframe=trigger, mode=FillMode.OPTIMISTIC
        ).trades
    assert not within_two_errors(rr_of(results))
    assert rr_of(results).mean() > 0
