"""Sizes: whole volume steps, never more at risk than said, too small is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backtest.engine import simulate
from pipeline.domain.market import Timeframe
from pipeline.domain.trade import CostModel
from pipeline.risk import position_size
from tests.kit.fill_cases import INSTRUMENT, random_minutes, random_plans


def size(**changes):
    return position_size(INSTRUMENT, **{"lots": 1.0, "risk": None, "distance": 5.0, **changes})


@pytest.mark.parametrize(
    ("lots", "expected"), [(1.0, 1.0), (0.3, 0.3), (0.019, 0.01), (0.009, 0.0), (0.29, 0.29)]
)
def test_fixed_lots_are_rounded_down_to_the_step(lots, expected):
    assert size(lots=lots) == expected


def test_risk_by_the_tickets_distance():
    # 5 points at 10 a point and lot are 50 a lot: 100 buys 2 lots, 99 only 1.98.
    assert size(risk=100.0) == 2.0
    assert size(risk=99.0) == 1.98
    assert size(risk=0.4) == 0.0


@given(st.floats(0.01, 1e5), st.floats(0.01, 1e4))
def test_never_more_than_said(risk, distance):
    lots = size(risk=risk, distance=distance)
    assert lots * distance * 10.0 <= risk * (1 + 1e-6)
    assert lots / 0.01 == pytest.approx(round(lots / 0.01), abs=1e-6)


def test_a_backtest_sizes_each_ticket_and_misses_the_ones_too_small():
    import numpy as np

    rng = np.random.default_rng(5)
    bars = random_minutes(rng, 1500)
    plans = random_plans(rng, bars, 200)
    costs = CostModel(slippage_points=0.2, commission=1.0)
    fixed = {
        t.signal_id: t
        for t in simulate(plans, bars, INSTRUMENT, costs, timeframe=Timeframe.M1).trades
    }
    sized = simulate(plans, bars, INSTRUMENT, costs, timeframe=Timeframe.M1, risk=1.0)
    by_id = {p.signal_id: p for p in plans}
    assert any(m.reason == "SIZE" for m in sized.missed)
    assert len({t.lots for t in sized.trades}) > 3
    for trade in sized.trades:
        plan = by_id[trade.signal_id]
        assert trade.lots * abs(plan.entry_price - plan.sl_price) * 10.0 <= 1.0 + 1e-6
        assert trade.rr == fixed[trade.signal_id].rr
        assert trade.pnl == pytest.approx(fixed[trade.signal_id].pnl * trade.lots)
        assert trade.cost == pytest.approx(fixed[trade.signal_id].cost * trade.lots)
