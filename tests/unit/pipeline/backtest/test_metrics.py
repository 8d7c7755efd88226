"""Figures against plain arithmetic and published values."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backtest.metrics import drawdown, longest_run, metrics, profit_factor, wilson
from pipeline.domain.market import Side
from pipeline.domain.trade import Trade
from tests.kit.fill_cases import START


def trades(rr):
    return [
        Trade(
            trade_id=f"t{i:04d}",
            signal_id=f"s{i}",
            side=Side.LONG,
            entry_time=START + timedelta(hours=i),
            entry_price=100,
            exit_time=START + timedelta(hours=i + 1),
            exit_price=100 + r,
            exit_reason="TP",
            sl_price=99,
            tp_price=102,
            lots=1,
            pnl_points=r,
            pnl=10 * r,
            rr=r,
            mae=0,
            mfe=0,
            cost=1.0,
            ambiguous=False,
            rr_worst=r,
            rr_best=r,
        )
        for i, r in enumerate(rr)
    ]


def test_wilson_against_the_published_example():
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662."""
    interval = wilson(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None


def test_figures_of_a_small_list():
    m = metrics(trades([2.0, -1.0, -1.0, 2.0, -1.0]))
    assert (m.trades, m.wins, m.total_r, m.total_pnl, m.costs) == (5, 2, 1.0, 10.0, 5.0)
    assert m.expectancy_r == pytest.approx(0.2)
    assert m.expectancy_se == pytest.approx(np.std([2, -1, -1, 2, -1], ddof=1) / 5**0.5)
    assert m.profit_factor == pytest.approx(4 / 3)
    assert m.break_even_rate == pytest.approx(1 / 3)
    assert m.max_drawdown_r == 2.0
    assert m.longest_losing_run == 2


def test_no_trades_have_no_figures():
    m = metrics([])
    assert (m.trades, m.win_rate, m.expectancy_r, m.profit_factor, m.max_drawdown_r) == (
        0,
        None,
        None,
        None,
        0,
    )


@given(st.lists(st.floats(-5, 5, allow_nan=False), max_size=40))
def test_properties(rr):
    m = metrics(trades(rr))
    assert m.total_r == pytest.approx(sum(rr))
    assert sum(month.rr for month in m.months) == pytest.approx(m.total_r)
    assert sum(month.trades for month in m.months) == len(rr)
    equity = np.concatenate([[0.0], np.cumsum(rr)])
    worst = max((equity[: i + 1].max() - equity[i] for i in range(len(equity))), default=0.0)
    assert drawdown(np.array(rr)) == pytest.approx(worst)
    if m.win_rate is not None:
        assert 0 <= m.win_rate.low <= m.win_rate.value <= m.win_rate.high <= 1


def test_small_pieces():
    assert longest_run(np.array([True, True, False, True])) == 2
    assert profit_factor(np.array([1.0, 2.0])) is None


@pytest.mark.parametrize(("target", "cost"), [(2.0, 0.1), (1.0, 0.0), (3.0, 0.25)])
def test_break_even_is_the_definitions_formula_where_it_holds(target, cost):
    """DEFINITIONS 4: (1 + cost in R) / (1 + RR), if wins pay RR and losses 1 R, less the cost."""
    rate = metrics(trades([target - cost, -1 - cost, -1 - cost])).break_even_rate
    assert rate == pytest.approx((1 + cost) / (1 + target))
