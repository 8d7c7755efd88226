"""Intervals: against what chance really does, against plain twins, and the same for a seed."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.backtest.metrics import drawdown, metrics
from pipeline.backtest.robustness import (
    MIN_DAYS,
    block_days,
    drawdown_luck,
    resampled,
    robustness,
    stationary_sums,
    student,
    student_95,
    verdict,
)
from pipeline.domain.report import Interval, Verdict
from tests.unit.pipeline.backtest.test_metrics import trades

FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)


def days(n):
    return np.datetime64("2024-01-01") + np.arange(n)


def daily_trades(rr):
    """One trade a day."""
    return [
        trade.model_copy(
            update={
                "entry_time": trade.entry_time + timedelta(days=i),
                "exit_time": trade.exit_time + timedelta(days=i),
            }
        )
        for i, trade in enumerate(trades(rr))
    ]


def judged(rr, seed=1):
    return robustness(daily_trades(rr), np.random.default_rng(seed), first=FIRST, last=LAST)


def two_to_one(rng, n, rate=1 / 3):
    return np.where(rng.random(n) < rate, 2.0, -1.0)


@pytest.mark.parametrize(("n", "least"), [(30, 0.92), (100, 0.92)])
def test_the_interval_holds_the_true_mean_about_95_times_in_100(n, least):
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(400):
        rr = two_to_one(rng, n) + rng.normal(0, 0.05, n)
        found = resampled(rr, rr, days(n), rng, 500).expectancy
        hits += found.low <= 0.0 <= found.high
    assert least <= hits / 400 <= 0.98


def test_days_that_follow_each_other_are_told_from_days_that_do_not():
    """With an autocorrelation of 0.4 the true error of the mean is 1.5 times the simple one."""
    rng = np.random.default_rng(5)
    n, widths = 400, []
    for _ in range(20):
        rr = np.zeros(n)
        for i, shock in enumerate(rng.normal(0, 1, n)):
            rr[i] = 0.4 * rr[i - 1] + shock
        found = resampled(rr, rr, days(n), rng, 500).expectancy
        simple = 2 * 1.96 * rr.std(ddof=1) / n**0.5
        widths.append((found.high - found.low) / simple)
    assert 1.25 <= np.mean(widths) <= 1.6


def test_trades_of_one_day_stay_together():
    """Ten equal trades a day are no more evidence than one."""
    rng = np.random.default_rng(2)
    rr = rng.normal(0, 1, 60)
    one = resampled(rr, rr, days(60), np.random.default_rng(3), 1000).expectancy
    many = np.repeat(rr, 10)
    ten = resampled(many, many, np.repeat(days(60), 10), np.random.default_rng(3), 1000).expectancy
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high))


def test_sums_equal_a_plain_stationary_bootstrap():
    values = np.arange(12.0).reshape(6, 2) ** 2
    fast = stationary_sums(values, np.random.default_rng(4), 50)
    rng = np.random.default_rng(4)
    chance = 1 / block_days(6)
    per_draw = int(6 * chance + 6 * (6 * chance) ** 0.5 + 6)
    lengths = rng.geometric(chance, (50, per_draw))
    assert lengths.sum(axis=1).min() >= 6
    begins = rng.integers(0, 6, lengths.shape)
    for draw in range(50):
        rows = [
            (begin + step) % 6
            for begin, length in zip(begins[draw], lengths[draw], strict=True)
            for step in range(length)
        ][:6]
        assert fast[draw] == pytest.approx(values[rows].sum(axis=0))


def test_every_day_is_drawn_equally_often():
    counted = stationary_sums(np.eye(40), np.random.default_rng(6), 4000).mean(axis=0)
    assert counted == pytest.approx(np.ones(40), abs=0.1)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=50), st.integers(1, 40))
def test_every_draw_is_as_long_as_the_original(rr, draws):
    ones = np.column_stack([np.ones(len(rr)), rr])
    sums = stationary_sums(ones, np.random.default_rng(1), draws)
    assert sums[:, 0] == pytest.approx(np.full(draws, len(rr)))
    assert sums[:, 1].max() <= max(rr) * len(rr) + 1e-9


@pytest.mark.parametrize("freedom", [4, 5, 10, 29, 500])
def test_students_quantile(freedom):
    assert student_95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-3)


def test_few_days_get_students_interval():
    rr = [2.0, -1.0, -1.0, 2.0, -1.0, 0.5]
    found = judged(rr)
    low, high = stats.t.interval(0.95, 5, np.mean(rr), stats.sem(rr))
    assert not found.by_days
    assert (found.expectancy_r.low, found.expectancy_r.high) == pytest.approx(
        (low, high), abs=1e-3
    )
    assert found.profit_factor is None
    assert student(np.array(rr[:4])) is None


def test_enough_days_get_the_bootstrap_and_the_figures_stay_those_of_the_metrics():
    rr = two_to_one(np.random.default_rng(8), 60, 0.4).tolist()
    found, figures = judged(rr), metrics(daily_trades(rr))
    assert found.by_days and found.days == 60
    assert found.expectancy_r.value == pytest.approx(figures.expectancy_r)
    assert found.profit_factor.value == pytest.approx(figures.profit_factor)
    assert found.profit_factor.low < figures.profit_factor < found.profit_factor.high


def test_the_same_seed_gives_the_same_and_another_nearly_the_same():
    rr = np.random.default_rng(8).normal(0, 1, 60).tolist()
    assert judged(rr) == judged(rr)
    one, other = judged(rr).expectancy_r, judged(rr, seed=2).expectancy_r
    assert one != other
    assert one.low == pytest.approx(other.low, abs=0.08)


def test_nothing_lost_leaves_the_profit_factor_open():
    assert judged([1.0] * MIN_DAYS).profit_factor is None
    assert judged([1.0] * MIN_DAYS + [-1.0]).profit_factor is None


@pytest.mark.parametrize(
    ("rr", "expected"),
    [
        ([0.5, 1.0] * 20, Verdict.ABOVE),
        ([-0.5, -1.0] * 20, Verdict.BELOW),
        ([1.0, -1.0] * 20, Verdict.OPEN),
        ([1.0, 1.0], Verdict.TOO_FEW),
        ([], Verdict.TOO_FEW),
    ],
)
def test_verdict(rr, expected):
    assert judged(rr).verdict is expected


def test_an_interval_that_touches_zero_is_not_told_from_it():
    assert verdict(Interval(value=1, low=0, high=2)) is Verdict.OPEN


def test_no_trades():
    found = judged([])
    assert (found.days, found.expectancy_r, found.drawdown_r, found.sharpe) == (
        0,
        None,
        None,
        None,
    )


def test_drawdown_of_other_orders_against_a_plain_loop():
    rr = two_to_one(np.random.default_rng(9), 40)
    found = drawdown_luck(rr, np.random.default_rng(1), 4000)
    rng = np.random.default_rng(77)
    plain = [drawdown(rng.permutation(rr)) for _ in range(4000)]
    assert found.median == pytest.approx(np.median(plain), abs=0.25)
    assert found.high == pytest.approx(np.quantile(plain, 0.95), abs=0.6)


def test_many_trades_are_shuffled_in_parts_and_less_often():
    rr = np.tile([1.0, -1.0], 10_000)
    found = drawdown_luck(rr, np.random.default_rng(1), 2000)
    # The deepest fall of a bridge of n steps is near √n · E: between 0.8 and 2.5 of √n.
    assert 0.8 * 20_000**0.5 < found.median < found.high < 2.5 * 20_000**0.5
