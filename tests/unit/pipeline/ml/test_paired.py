"""Champion against challenger on the same signals, held against other people's figures."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from MLstatkit import Delong_test
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from pipeline.ml import paired
from pipeline.ml.paired import Pairs, compared

RESAMPLES = 300


def made(seed, n=400, *, old=0.0, new=1.0, days=None):
    """Return pairs whose scores know so much of the outcome."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(float)
    noise = rng.normal(size=(2, n))
    scores = [
        1 / (1 + np.exp(-k * truth - (1 - k) * 0.3 * e))
        for k, e in zip((old, new), noise, strict=True)
    ]
    day = np.arange(n) if days is None else rng.integers(0, days, n)
    return Pairs(y, scores[0], scores[1], day)


some = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        arrays(float, n, elements=st.sampled_from([0.0, 1.0])),
        arrays(float, n, elements=st.sampled_from([0.05, 0.2, 0.4, 0.5, 0.66, 0.9])),
    )
)


@given(some)
def test_figures_are_scikit_learns(case):
    y, p = case
    assert paired.brier(y, p) == pytest.approx(brier_score_loss(y, p))
    assert paired.log_loss(y, p) == pytest.approx(log_loss(y, p, labels=[0, 1]))
    if len(set(y)) < 2:
        assert np.isnan(paired.roc_auc(y, p))
    else:
        assert paired.roc_auc(y, p) == pytest.approx(roc_auc_score(y, p))


@pytest.mark.parametrize(("seed", "new"), [(1, 1.0), (2, 0.6), (3, 0.2)])
def test_the_aucs_gain_is_as_sure_as_delong_says(seed, new):
    pairs = made(seed, old=0.1, new=new)
    z, _ = Delong_test(pairs.reached, pairs.challenger, pairs.champion, verbose=0)[:2]
    auc = compared(pairs, np.random.default_rng(0), 2000).differences[0]
    error = (auc.gain.high - auc.gain.low) / (2 * 1.96)
    assert auc.gain.value / error == pytest.approx(abs(z) * np.sign(auc.gain.value), rel=0.15)


def test_a_model_that_knows_more_is_seen_to():
    said = compared(made(5), np.random.default_rng(0), RESAMPLES)
    assert said.better == "challenger"
    assert all(d.gain.low > 0 and d.p_value < 0.01 for d in said.differences)
    other = made(5)
    turned = Pairs(other.reached, other.challenger, other.champion, other.day)
    assert compared(turned, np.random.default_rng(0), RESAMPLES).better == "champion"


def test_a_model_against_itself_gains_nothing():
    one = made(6)
    same = Pairs(one.reached, one.champion, one.champion, one.day)
    said = compared(same, np.random.default_rng(0), RESAMPLES)
    assert said.better == ""
    assert all(d.gain.value == d.gain.low == d.gain.high == 0 for d in said.differences)
    assert all(d.p_value == 1 for d in said.differences)


def test_days_on_which_all_wins_or_loses_together_tell_less():
    one = made(7, n=60, new=0.7)
    many = [np.tile(a, 5) for a in (one.reached, one.champion, one.challenger)]
    alone = Pairs(*many, np.arange(300))
    together = Pairs(*many, np.tile(one.day, 5))
    wide = compared(together, np.random.default_rng(0), RESAMPLES).differences
    narrow = compared(alone, np.random.default_rng(0), RESAMPLES).differences
    for w, n in zip(wide, narrow, strict=True):
        assert w.gain.value == pytest.approx(n.gain.value)
        assert w.gain.high - w.gain.low > 1.7 * (n.gain.high - n.gain.low)


@given(some, st.integers(0, 5))
@settings(max_examples=30)
def test_turned_round_the_gains_are_turned_round(case, seed):
    y, p = case
    assume(0 < y.sum() < len(y))
    day = np.arange(len(y)) // 3
    one = compared(Pairs(y, p, p[::-1], day), np.random.default_rng(seed), 40)
    two = compared(Pairs(y, p[::-1], p, day), np.random.default_rng(seed), 40)
    for a, b in zip(one.differences, two.differences, strict=True):
        assert (a.champion, a.challenger) == (b.challenger, b.champion)
        assert a.gain.value == pytest.approx(-b.gain.value)
        assert a.gain.low == pytest.approx(-b.gain.high)


def test_without_both_classes_there_is_nothing_to_compare():
    ones = Pairs(np.ones(5), np.full(5, 0.4), np.full(5, 0.6), np.arange(5))
    said = compared(ones, np.random.default_rng(0), RESAMPLES)
    assert said.better == ""
    assert said.differences[0].champion is None
    assert said.differences[2].challenger == pytest.approx(0.16)
    assert all(d.gain is None for d in said.differences)
    nothing = Pairs(*(np.array([]) for _ in range(3)), np.array([], dtype=np.int64))
    assert compared(nothing, np.random.default_rng(0), RESAMPLES).rows == 0


def test_pairs_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="length"):
        Pairs(np.ones(2), np.ones(2), np.ones(1), np.arange(2))
