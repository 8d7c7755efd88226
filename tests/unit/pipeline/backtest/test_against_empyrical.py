"""Figures equal empyrical's to 1e-9 where both define the same thing.

Where they differ, and why:

- Drawdown. Ours is of a running sum in R or money; empyrical's is of a compounded balance, as a
  share of its peak. They meet where the balance is the exponential of our sum.
- Sharpe and Sortino. Equal on the same days. Ours takes R by weekday with nothing compounded;
  empyrical has no opinion on which days there are. Its Sharpe of results without variation is
  NaN or infinite, its Sortino without a loss infinite; ours are None.
- Profit factor. empyrical has none, but its Omega ratio at a threshold of 0 is one. Without a
  loss it is NaN there and None here.
- Win rate. empyrical has none, but a batting average against nothing is one. Both count a
  result of exactly 0 as no win.
- Expectancy, intervals, break-even rate and all of the deflated ratio: not in empyrical.
"""

from datetime import date

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.backtest.daily import by_day, daily_r, sharpe_a_year, sortino_a_year, weekdays
from pipeline.backtest.metrics import drawdown, metrics, profit_factor
from tests.unit.pipeline.backtest.test_metrics import trades

results = arrays(float, st.integers(2, 60), elements=st.floats(-3, 3).map(lambda x: round(x, 3)))


def equal(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@given(results)
def test_drawdown(rr):
    compounded = pd.Series(np.expm1(rr / 100))
    equal(drawdown(rr / 100), -np.log1p(empyrical.max_drawdown(compounded)))


@given(results)
def test_sharpe(rr):
    ours = sharpe_a_year(rr)
    if ours is None:
        assert np.ptp(rr) == 0
    else:
        equal(ours, empyrical.sharpe_ratio(rr))


@given(results)
def test_sortino(rr):
    ours = sortino_a_year(rr)
    if ours is None:
        assert rr.min() >= 0
    else:
        equal(ours, empyrical.sortino_ratio(rr))


@given(results)
def test_profit_factor_and_win_rate(rr):
    factor = profit_factor(rr)
    if factor is not None and (rr > 0).any():
        equal(factor, empyrical.omega_ratio(pd.Series(rr), annualization=1))
    batting = empyrical.batting_average(pd.Series(rr), pd.Series(np.zeros(len(rr))))
    equal(metrics(trades(rr.tolist())).win_rate.value, batting["batting average"])


@given(results)
def test_the_total_and_the_mean(rr):
    figures = metrics(trades(rr.tolist()))
    compounded = empyrical.cum_returns_final(pd.Series(np.expm1(rr / 100)))
    equal(figures.total_r / 100, np.log1p(compounded))
    equal(figures.expectancy_r, rr.mean())


class TestDays:
    def test_weekdays(self):
        found = weekdays(date(2024, 2, 28), date(2024, 3, 4))
        assert [str(day) for day in found] == [
            "2024-02-28",
            "2024-02-29",
            "2024-03-01",
            "2024-03-04",
        ]
        assert len(weekdays(date(2024, 3, 2), date(2024, 3, 3))) == 0

    def test_a_day_without_a_trade_is_zero_and_the_weekend_counts_on_monday(self):
        axis = weekdays(date(2024, 3, 1), date(2024, 3, 6))
        ends = np.array(["2024-03-03", "2024-03-01", "2024-03-04", "2024-03-07"], "datetime64[D]")
        found = daily_r(ends, np.array([1.0, 2.0, 4.0, 8.0]), axis)
        assert found.tolist() == [2.0, 5.0, 0.0, 8.0]

    def test_no_days_and_no_trades(self):
        none = np.zeros(0, "datetime64[D]")
        assert daily_r(none, np.zeros(0), none).tolist() == []
        axis = weekdays(date(2024, 3, 1), date(2024, 3, 4))
        assert daily_r(none, np.zeros(0), axis).tolist() == [0.0, 0.0]
        assert sharpe_a_year(np.zeros(0)) is None
        assert sortino_a_year(np.zeros(0)) is None

    @given(results)
    def test_nothing_is_lost_on_the_way_to_days(self, rr):
        ends = np.datetime64("2024-03-01") + np.arange(len(rr)) // 3
        axis = weekdays(date(2024, 3, 1), date(2024, 3, 12))
        assert daily_r(ends, rr, axis).sum() == pytest.approx(rr.sum())
        assert by_day(ends, rr[:, None]).sum() == pytest.approx(rr.sum())
