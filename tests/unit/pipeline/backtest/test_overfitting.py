"""Deflated Sharpe and PBO: the papers' own examples, and purgedcv as an independent reference."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from purgedcv import (
    deflated_sharpe_ratio,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
)

from pipeline.backtest.overfitting import (
    cscv,
    deflated_sharpe,
    luckiest,
    pbo,
    probabilistic_sharpe,
    sharpe_of,
)
from pipeline.domain.trial import Sharpe

results = arrays(float, st.integers(4, 80), elements=st.floats(-3, 3).map(lambda x: round(x, 2)))


def test_the_example_of_bailey_and_lopez_de_prado_2014():
    """Annual Sharpe 2.5 on 1,250 days, skew −3, kurtosis 10, 100 trials of variance ½ a year.

    Published: a daily benchmark of 0.1132 and a deflated Sharpe ratio of 0.9004.
    """
    found = Sharpe(ratio=2.5 / math.sqrt(250), count=1250, skew=-3, kurtosis=10)
    assert luckiest(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(found, 100, 0.5 / 250) == pytest.approx(0.9004, abs=5e-5)


@given(results, st.integers(1, 5000), st.floats(0, 0.2))
def test_sharpe_against_purgedcv(rr, trials, variance):
    found = sharpe_of(rr)
    assume(found is not None)
    try:
        theirs = deflated_sharpe_ratio(rr, trials, variance)
    except ValueError:
        assert deflated_sharpe(found, trials, variance) is None
        return
    assert deflated_sharpe(found, trials, variance) == pytest.approx(theirs, abs=1e-9)
    theirs = probabilistic_sharpe_ratio(rr, 0.0)
    assert probabilistic_sharpe(found) == pytest.approx(theirs, abs=1e-9)


def test_more_tries_leave_less():
    found = sharpe_of(np.random.default_rng(1).normal(0.2, 1, 100))
    left = [deflated_sharpe(found, trials, 0.01) for trials in (1, 2, 10, 43, 1000)]
    assert left == sorted(left, reverse=True)
    assert left[0] == probabilistic_sharpe(found)


def test_the_luckiest_of_many_noise_tries_is_as_lucky_as_expected():
    rng = np.random.default_rng(2)
    best = [rng.normal(0, 0.1, 50).max() for _ in range(4000)]
    assert luckiest(50, 0.01) == pytest.approx(np.mean(best), abs=0.005)


@pytest.mark.parametrize("rr", [[], [1.0, -1.0, 2.0], [-1.0] * 20])
def test_no_sharpe_of_few_or_equal_values(rr):
    assert sharpe_of(np.array(rr)) is None


def matrix(variants, days, seed=1, edge=0.0):
    rng = np.random.default_rng(seed)
    made = rng.normal(0, 1, (variants, days))
    made[rng.random(made.shape) < 0.4] = 0.0  # days without a trade
    return made + edge * np.linspace(-1, 1, variants)[:, None]


@pytest.mark.parametrize(
    ("variants", "days", "blocks"), [(2, 12, 12), (5, 41, 4), (20, 101, 8), (31, 60, 8)]
)
def test_pbo_against_purgedcv(variants, days, blocks):
    returns = matrix(variants, days)
    compare(returns, blocks)
    returns[variants // 2] = returns[0]
    returns[-1] = -1.0
    compare(returns, blocks)
    returns[0] = 0.0
    compare(returns, blocks)


def compare(returns, blocks):
    theirs, found = probability_of_backtest_overfitting(returns, blocks), pbo(returns, blocks)
    rows = cscv(returns, blocks)
    assert found.pbo == theirs.pbo
    assert found.splits == theirs.n_combos
    assert rows.logits == pytest.approx(theirs.logits, abs=1e-9)
    slope = None if math.isnan(theirs.slope) else pytest.approx(theirs.slope, abs=1e-9)
    assert found.slope == slope
    both = np.column_stack([rows.in_sample, rows.out_of_sample])
    assert both == pytest.approx(theirs.is_oos_performance, abs=1e-9)


def test_noise_is_a_toss_and_an_edge_is_none():
    noise = np.mean([pbo(matrix(10, 120, seed), 8).pbo for seed in range(30)])
    assert noise == pytest.approx(0.5, abs=0.12)
    assert pbo(matrix(10, 400, edge=0.5), 8).pbo < 0.02


def test_many_variants_in_parts_equal_all_at_once(monkeypatch):
    returns = matrix(30, 64)
    whole = cscv(returns, 8)
    monkeypatch.setattr("pipeline.backtest.overfitting._CELLS", 90)
    parts = cscv(returns, 8)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)  # sums in another order


@pytest.mark.parametrize(
    ("returns", "blocks", "words"),
    [
        (matrix(3, 40), 5, "even"),
        (matrix(1, 40), 4, "at least 2 variants"),
        (matrix(3, 7), 8, "7 days"),
        (np.full((2, 8), np.nan), 4, "finite"),
    ],
)
def test_what_cannot_be_used_is_said(returns, blocks, words):
    with pytest.raises(ValueError, match=words):
        pbo(returns, blocks)
