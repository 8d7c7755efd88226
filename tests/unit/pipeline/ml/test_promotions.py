"""How often chance is promoted, how often a true signal is, and that leaks gain nothing."""

import dataclasses

import numpy as np
import pytest

from pipeline.domain.training import Hyperparams
from pipeline.ml.calibration import probability
from pipeline.ml.evaluation import roc_auc
from pipeline.ml.gate import Judged, judge
from pipeline.ml.training import train
from tests.kit.labelled import NOW, dataset

QUICK = Hyperparams(n_estimators=8, max_depth=2, cross_validation_folds=2, learning_rate=0.1)
TRAININGS = 200


def promoted(data, seed, champion=None):
    return train(data, QUICK, champion, np.random.default_rng(seed), NOW).verdict.promoted


def shuffled(data, seed):
    """Labels dealt anew to the same signals."""
    y = np.random.default_rng(seed).permutation(data.y)
    return dataclasses.replace(data, y=y)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_noise_is_promoted_in_one_of_twenty_trainings_at_most():
    found = [promoted(dataset(650, 4, seed), seed) for seed in range(TRAININGS)]
    assert sum(found) <= TRAININGS * 0.05


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_shuffled_labels_of_a_true_signal_are_promoted_as_rarely():
    real = dataset(650, 4, seed=1, signal=1.2)
    found = [promoted(shuffled(real, seed), seed) for seed in range(TRAININGS)]
    assert sum(found) <= TRAININGS * 0.05


def test_a_model_of_equal_worth_replaces_a_champion_in_one_of_twenty_at_most():
    """Both know the same and err by themselves: whatever one gains over the other is chance."""
    found = []
    for seed in range(TRAININGS):
        rng = np.random.default_rng(seed)
        true = rng.normal(size=400)
        y = (rng.random(400) < probability(true)).astype(np.int8)
        one, two = (probability(true / 2 + rng.normal(size=400) / 2) for _ in range(2))
        days = np.datetime64("2024-01-01") + np.arange(400) // 5
        rows = Judged(y=y, days=days, scores=one, rival=two, against="v1.0")
        found.append(judge(rows, rng, 0.6).promoted)
    assert sum(found) <= TRAININGS * 0.05


def test_a_true_signal_is_promoted():
    found = [promoted(dataset(650, 4, seed, signal=1.2), seed) for seed in range(8)]
    assert sum(found) >= 7


def test_some_noise_is_not_promoted():
    assert sum(promoted(dataset(650, 4, seed), seed) for seed in range(1000, 1012)) <= 2


def test_a_label_leaked_through_overlap_gains_nothing(monkeypatch):
    """One feature is the label itself, but only where labels reach into the judged window.

    Purged, nobody can learn what it means; without purging the same rows show that there was
    something to be gained.
    """
    data = _leaking()
    honest = train(data, QUICK, None, np.random.default_rng(1), NOW)
    assert not honest.verdict.promoted
    assert abs(_auc(data, honest) - 0.5) < 0.1
    monkeypatch.setattr(
        "pipeline.ml.splits.purged", lambda known, resolved, split, embargo=None: split
    )
    leaking = train(data, QUICK, None, np.random.default_rng(1), NOW)
    assert _auc(data, leaking) > 0.8


def _leaking():
    """700 signals, the last 300 judged; the labels of the 200 before them are open until then.

    Each of the 200 has a market of its own, so that weights by uniqueness don't hide the leak.
    """
    data = dataset(700, 3, seed=2)
    begins = len(data) - 300
    leaking = np.arange(begins - 200, begins)
    x, resolved, symbols = data.x.copy(), data.resolved.copy(), data.symbols.astype("U12")
    x[:, 2] = -1.0
    x[leaking[0] :, 2] = data.y[leaking[0] :]
    resolved[leaking] = data.known[begins] + np.timedelta64(1, "h")
    symbols[leaking] = [f"MARKET{i}" for i in leaking]
    return dataclasses.replace(data, x=x, resolved=resolved, symbols=symbols)


def _auc(data, model):
    return roc_auc(data.y[model.holdout_rows], model.holdout)
