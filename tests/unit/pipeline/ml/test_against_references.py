"""Splits, weights, ranking, losses and calibration as other people's code has them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test
from purgedcv import WalkForwardSplit
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from pipeline.ml.bootstrap import DrawnDays
from pipeline.ml.calibration import calibrated, platt
from pipeline.ml.delong import delong
from pipeline.ml.evaluation import (
    brier_losses,
    log_losses,
    metrics_of,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from pipeline.ml.splits import Split, hold_out, purged, walk_forward
from pipeline.ml.weights import uniqueness

BEGINS = np.datetime64("2024-01-01T00:00", "us")
MINUTE = np.timedelta64(1, "m")
NOTHING = np.timedelta64(0, "m")
SEEDS = st.integers(0, 2**31)


def intervals(seed, n=60, span=400, longest=30):
    rng = np.random.default_rng(seed)
    known = BEGINS + np.sort(rng.integers(0, span, n)) * MINUTE
    return known, known + rng.integers(0, longest, n) * MINUTE


def scored(seed, n=200, steps=None):
    """Outcomes and scores; `steps`: how many different scores, so that there are ties."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0, 0, 1, 1], rng.integers(0, 2, n - 4)])
    raw = rng.normal(size=n) + 0.5 * y
    p = 1 / (1 + np.exp(-raw))
    return y, np.round(p * steps) / steps if steps else p


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 40), st.integers(2, 6))
def test_folds_are_those_of_purgedcv(seed, embargo, folds):
    """Its intervals are half-open, so ours are closed for it by a millionth of a second."""
    known, resolved = intervals(seed)
    size = len(known) // (folds + 1)
    rows = np.arange(size * (folds + 1))
    gap = np.timedelta64(embargo, "m")
    ours = walk_forward(known[rows], resolved[rows], rows, folds, gap)
    theirs = WalkForwardSplit(
        n_splits=folds,
        test_size=size,
        prediction_times=pd.Series(known[rows]),
        evaluation_times=pd.Series(resolved[rows] + gap + np.timedelta64(1, "us")),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = list(theirs.split(np.zeros((len(rows), 1))))
    for split, (train, test) in zip(ours, wanted, strict=True):
        assert split.train.tolist() == train.tolist()
        assert split.test.tolist() == test.tolist()


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 60), st.integers(2, 6))
def test_no_training_label_is_open_when_its_window_begins(seed, embargo, folds):
    known, resolved = intervals(seed)
    gap = np.timedelta64(embargo, "m")
    y = np.random.default_rng(seed).integers(0, 2, len(known))
    last = hold_out(known, resolved, y, gap)
    found = (last, *walk_forward(known, resolved, last.train, folds, gap))
    for split in found:
        if len(split.train):
            assert (resolved[split.train] + gap).max() < known[split.test].min()
    judged = np.concatenate([split.test for split in found[1:]])
    assert len(set(judged)) == len(judged)
    assert not set(judged) & set(last.test)


def test_a_label_that_touches_the_window_is_purged():
    known = BEGINS + np.array([0, 0, 10]) * MINUTE
    resolved = BEGINS + np.array([9, 10, 20]) * MINUTE
    split = Split(np.array([0, 1]), np.array([2]))
    assert purged(known, resolved, split, NOTHING).train.tolist() == [0]
    assert purged(known, resolved, split, MINUTE).train.tolist() == []


def test_the_last_window_grows_until_both_outcomes_are_there():
    known = BEGINS + np.arange(2000) * 60 * MINUTE
    y = (np.arange(2000) % 20 == 0).astype(int)
    last = hold_out(known, known, y)
    assert len(last.test) == 1000 and y[last.test].sum() == 50
    assert len(hold_out(known[:500], known[:500], y[:500] * 0).test) == 300
    assert len(hold_out(known[:400], known[:400], y[:400]).test) == 240


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_weights_are_the_average_over_a_labels_minutes(seed):
    known, resolved = intervals(seed, n=25, span=120)
    resolved = resolved + MINUTE
    groups = np.random.default_rng(seed).choice(["a", "b"], len(known))
    plain = []
    for i in range(len(known)):
        others = groups == groups[i]
        minutes = np.arange(known[i], resolved[i], MINUTE)
        open_then = [(others & (known <= m) & (resolved > m)).sum() for m in minutes]
        plain.append(np.mean(1 / np.array(open_then)))
    weights = uniqueness(known, resolved, groups)
    np.testing.assert_allclose(weights, np.array(plain) / np.mean(plain))


def test_labels_without_length_share_their_moment():
    known = BEGINS + np.array([5, 5, 0, 30]) * MINUTE
    resolved = BEGINS + np.array([5, 5, 20, 30]) * MINUTE
    weights = uniqueness(known, resolved, np.full(4, "a"))
    np.testing.assert_allclose(weights / weights[3], [1 / 3, 1 / 3, 1, 1])


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from([None, 4, 20]))
def test_delong_is_that_of_mlstatkit(seed, steps):
    (y, a), (_, b) = scored(seed, steps=steps), scored(seed + 1, steps=steps)
    z, p, auc_b, auc_a = _their_delong(y, b, a)
    ours = delong(y, a, b)
    assert ours.auc == pytest.approx(auc_a)
    assert ours.other == pytest.approx(auc_b)
    assert ours.z == pytest.approx(z, abs=1e-6)
    assert 2 * min(ours.p, 1 - ours.p) == pytest.approx(p, abs=1e-6)


def _their_delong(y, b, a):
    z, p, _, _, auc_b, auc_a, _ = Delong_test(y, b, a)
    return z, p, auc_b, auc_a


def test_delong_of_equals_and_of_one_outcome():
    y, a = scored(1)
    same = delong(y, a, a * 0.5)
    assert (same.gain, same.z, same.p) == (0, 0, 0.5)
    assert delong(np.ones(9), a[:9], a[:9]) is None


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from([None, 4, 20]))
def test_figures_are_those_of_scikit_learn(seed, steps):
    y, p = scored(seed, steps=steps)
    assert roc_auc(y, p) == pytest.approx(sk.roc_auc_score(y, p))
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    assert log_losses(y, clipped).mean() == pytest.approx(sk.log_loss(y, clipped))
    assert brier_losses(y, p).mean() == pytest.approx(sk.brier_score_loss(y, p))
    fpr, tpr, _ = sk.roc_curve(y, p, drop_intermediate=False)
    np.testing.assert_allclose(roc_curve(y, p), (fpr, tpr))
    precision, recall, _ = sk.precision_recall_curve(y, p)
    ours = precision_recall_curve(y, p)
    np.testing.assert_allclose(ours[0], recall[:-1][::-1])
    np.testing.assert_allclose(ours[1], precision[:-1][::-1])
    days = BEGINS.astype("datetime64[D]") + np.arange(len(y)) // 4
    found = metrics_of(y, p, DrawnDays(days, np.random.default_rng(1), 200), 0.6)
    assert found.accuracy.value == pytest.approx(sk.accuracy_score(y, p > 0.6))
    assert found.recall.value == pytest.approx(sk.recall_score(y, p > 0.6))
    if (p > 0.6).any():
        assert found.precision.value == pytest.approx(sk.precision_score(y, p > 0.6))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_calibration_is_logistic_regression_of_platts_targets(seed):
    """Soft targets are rows counted for both outcomes."""
    y, p = scored(seed, 300)
    raw = np.log(p / (1 - p))
    found = platt(raw, y)
    high, low = (y.sum() + 1) / (y.sum() + 2), 1 / ((y == 0).sum() + 2)
    t = np.where(y == 1, high, low)
    twice = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.concatenate([raw, raw])[:, None],
        np.repeat([1, 0], len(y)),
        sample_weight=np.concatenate([t, 1 - t]),
    )
    if twice.coef_[0, 0] > 0:
        assert -found.a == pytest.approx(twice.coef_[0, 0], abs=1e-3)
        assert -found.b == pytest.approx(twice.intercept_[0], abs=1e-3)


def test_scores_that_rank_backwards_become_the_base_rate():
    y, p = scored(3, 400)
    found = platt(-np.log(p / (1 - p)), y)
    assert found.a == 0
    np.testing.assert_allclose(calibrated(found, np.array([-9.0, 9.0])), y.mean(), atol=0.01)


def test_separated_classes_have_a_finite_calibration():
    raw = np.concatenate([np.full(40, -3.0), np.full(40, 3.0)])
    found = platt(raw, (raw > 0).astype(int))
    assert np.isfinite([found.a, found.b]).all()
    assert calibrated(found, np.array([3.0]))[0] == pytest.approx(41 / 42, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([None, 5]))
def test_samples_of_days_have_the_auc_of_their_rows(seed, steps):
    """Each sample's rows written out, and scikit-learn asked."""
    y, p = scored(seed, 80, steps)
    days = np.sort(
        BEGINS.astype("datetime64[D]") + np.random.default_rng(seed).integers(0, 12, 80)
    )
    drawn = DrawnDays(days, np.random.default_rng(seed), 20)
    found, means = drawn.aucs(y, p), drawn.means(p, y == 1)
    unique, day_of = np.unique(days, return_inverse=True)
    for i, counts in enumerate(drawn._counts.astype(int)):
        assert counts.sum() == len(unique)
        rows = np.repeat(np.arange(80), counts[day_of])
        if len(np.unique(y[rows])) == 2:
            assert found[i] == pytest.approx(sk.roc_auc_score(y[rows], p[rows]))
            assert means[i] == pytest.approx(p[rows][y[rows] == 1].mean())
        else:
            assert np.isnan(found[i])
