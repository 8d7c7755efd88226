"""Costs add up: net plus cost is what the same fills would have made in a market without costs."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.engine import simulate
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType, ExitReason, FillMode, Plan, Target, Trade
from tests.kit.fill_cases import INSTRUMENT, START, random_minutes, random_plans

COSTS = CostModel(slippage_points=0.3, commission=2.5)
FREE = CostModel(spread_points=0.0, slippage_points=0.0)


def trades_of(
    plans: list[Plan], bars: pd.DataFrame, costs: CostModel, lots: float = 1.0
) -> dict[str, Trade]:
    result = simulate(
        plans,
        bars,
        INSTRUMENT,
        costs,
        timeframe=Timeframe.M1,
        mode=FillMode.PESSIMISTIC,
        lots=lots,
    )
    return {trade.signal_id: trade for trade in result.trades}


def same_path(a: Trade, b: Trade) -> bool:
    """Whether two trades entered and left at the same times for the same reason."""
    if ExitReason.BE in (a.exit_reason, b.exit_reason):
        return False  # a stop moved to the entry lies where the entry was paid
    return (a.entry_time, a.exit_time, a.exit_reason) == (b.entry_time, b.exit_time, b.exit_reason)


@pytest.mark.parametrize("seed", range(6))
def test_net_plus_cost_is_the_result_without_costs(seed: int) -> None:
    rng = np.random.default_rng([11, seed])
    bars = random_minutes(rng, 1500)
    drawn = [p for p in random_plans(rng, bars, 400) if p.entry_type is EntryType.MARKET]
    plans = [p.model_copy(update={"targets": p.targets[-1:]}) for p in drawn]
    dear, free = trades_of(plans, bars, COSTS, 0.7), trades_of(plans, bars, FREE, 0.7)
    spread = dict(zip(bars["open_time"], bars["spread"], strict=True))
    money, seen = INSTRUMENT.point_value * 0.7, 0
    for signal_id in dear.keys() & free.keys():
        paid, gross = dear[signal_id], free[signal_id]
        if not same_path(paid, gross):
            continue
        # A short leaves at the ask: at a level its price is the same, only reached at another bid.
        level = {ExitReason.TP: paid.tp_price, ExitReason.SL: paid.sl_price}.get(paid.exit_reason)
        at_level = paid.side is Side.SHORT and gross.exit_price == level
        if at_level and abs(paid.exit_price - level) > 0.3 + 1e-9:
            continue  # only the one with costs gapped through
        bid_was_elsewhere = spread[pd.Timestamp(paid.exit_time)] * money if at_level else 0.0
        assert paid.pnl + paid.cost == pytest.approx(gross.pnl + bid_was_elsewhere, abs=1e-9)
        seen += 1
    assert seen > 40


def test_a_short_in_two_parts_pays_the_spread_of_both_bars() -> None:
    rows = [(100, 101, 99, 100), (99, 99.5, 94, 95), (95, 95.5, 85, 86)]
    times = pd.DatetimeIndex([START + timedelta(minutes=i) for i in range(3)])
    bars = bar_frame(times, Timeframe.M1, np.array(rows, float), spread=np.array([0.5, 1.0, 4.0]))
    plan = Plan(
        signal_id="s", side=Side.SHORT, known_at=START, entry_type=EntryType.MARKET,
        entry_price=100.0, sl_price=110.0,
        targets=(Target(price=96.0, share=0.25), Target(price=90.0, share=0.75)),
    )  # fmt: skip
    trade = trades_of([plan], bars, CostModel(slippage_points=0.0))["s"]
    assert trade.pnl_points == pytest.approx(0.25 * 4 + 0.75 * 10)
    assert trade.cost == pytest.approx(10.0 * (0.25 * 1.0 + 0.75 * 4.0))


@pytest.mark.parametrize("seed", range(3))
def test_an_account_of_all_trades_adds_up(seed: int) -> None:
    """Partial exits, limits, break-even: pnl + cost is the bid's own movement, trade by trade."""
    rng = np.random.default_rng([12, seed])
    bars = random_minutes(rng, 1500)
    flat = bars.assign(spread=0.4)
    plans = random_plans(rng, flat, 300)
    trades = trades_of(plans, flat, COSTS)
    assert len(trades) > 100
    by_id = {p.signal_id: p for p in plans}
    for trade in trades.values():
        way, point = trade.side.sign, INSTRUMENT.point_value
        entered_bid = trade.entry_price - (0.4 if way > 0 else 0.0)
        left_bid = trade.exit_price - (0.4 if way < 0 else 0.0)
        market = by_id[trade.signal_id].entry_type is EntryType.MARKET
        moved = way * (left_bid - entered_bid) * point
        slipped = trade.cost - 0.4 * point - 2 * 2.5
        assert trade.pnl + trade.cost == pytest.approx(moved + slipped, abs=1e-9)
        assert slipped >= (0.3 * point if market else 0.0) - 1e-9
        assert slipped <= 2 * 0.3 * point + 1e-9
