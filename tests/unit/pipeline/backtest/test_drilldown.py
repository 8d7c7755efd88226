"""M5 with M1 drill-down is what M1 alone says, on real bars and stops tight enough to matter."""

import numpy as np

from pipeline.backtest.engine import simulate
from pipeline.data.clean import resample
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType, FillMode, Plan, Target
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD

COSTS = CostModel(slippage_points=0.0)


def tight_plans(bars, rng, n):
    """Market and limit orders with stops of 1 to 2.5 pips and targets of 1 to 2 R."""
    plans = []
    for k in range(n):
        row = int(rng.integers(300, len(bars) - 300))
        side = Side.LONG if rng.random() < 0.5 else Side.SHORT
        limit, close = rng.random() < 0.5, float(bars["close"].iloc[row])
        entry = close - side.sign * (2e-4 if limit else 0.0)
        risk, rr = rng.uniform(1e-4, 2.5e-4), rng.uniform(1, 2)
        target = Target(price=entry + side.sign * rr * risk, share=1.0)
        plans.append(
            Plan(
                signal_id=f"s{k}", side=side, known_at=bars["close_time"].iloc[row],
                entry_type=EntryType.LIMIT if limit else EntryType.MARKET, entry_price=entry,
                sl_price=entry - side.sign * risk, targets=(target,),
            )
        )  # fmt: skip
    return plans


def test_drilldown_equals_minutes():
    minutes, _ = real_bars("eurusd_m1_histdata_2024H1")
    minutes = minutes[:60_000]
    bars = resample(minutes, Timeframe.M1, Timeframe.M5)
    plans = tight_plans(bars, np.random.default_rng(4), 3000)
    drilled = simulate(plans, bars, EURUSD, COSTS, timeframe=Timeframe.M5, m1=minutes).trades
    worst = simulate(
        plans, bars, EURUSD, COSTS, timeframe=Timeframe.M5, mode=FillMode.PESSIMISTIC
    ).trades
    exact = {
        t.signal_id: t
        for t in simulate(plans, minutes, EURUSD, COSTS, timeframe=Timeframe.M1).trades
    }
    assert {t.signal_id for t in drilled} == exact.keys()
    same = [t.exit_reason is exact[t.signal_id].exit_reason for t in drilled]
    assert all(same)
    off = np.array([t.rr - exact[t.signal_id].rr for t in drilled])
    # What is left: a minute inside the bar that opened beyond a stop or a target.
    assert np.mean(np.abs(off) > 1e-9) < 0.1
    assert abs(off.mean()) < 0.005
    decided = sum(a.exit_reason is not b.exit_reason for a, b in zip(drilled, worst, strict=True))
    assert decided > 30, "the stops were too wide to check anything"
