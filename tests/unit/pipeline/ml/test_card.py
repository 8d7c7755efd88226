"""A model's card says what the figures say, and no more."""

import numpy as np
import pytest

from pipeline.domain.training import Hyperparams
from pipeline.ml.card import break_even, card_of, score_share
from pipeline.ml.evaluation import histogram
from pipeline.ml.profiles import drift_of, profiles_of
from pipeline.ml.training import train
from tests.kit.labelled import NOW, dataset

SMALL = Hyperparams(n_estimators=20, max_depth=3, cross_validation_folds=3)


def carded(data):
    model = train(data, SMALL, None, np.random.default_rng(5), NOW)
    return model, card_of(model, data, None)


@pytest.fixture(scope="module")
def good():
    data = dataset(900, 5, seed=3, signal=1.2, setups=("IB_raid_v1", "Frank_raid_v1"))
    return data, *carded(data)


def test_a_good_model_is_told_as_one(good):
    data, model, card = good
    assert card.sentence.startswith("Better than chance: on 300 unseen signals")
    assert card.contributions[0][0] == "f0"
    assert sum(s.rows for s in card.by_setup) == sum(b[2] for b in card.reliability) == 300
    assert {s.name for s in card.by_setup} == {"IB_raid_v1", "Frank_raid_v1"}
    assert card.roc[0] == (0, 0) and card.roc[-1] == (1, 1)
    assert card.precision_recall[-1][0] == 1
    assert card.break_even == pytest.approx(1 / 3)
    passes = model.holdout > 0.6
    assert card.passing.passed == passes.sum() > 0
    assert card.passing.achieved.value == data.y[model.holdout_rows][passes].mean()
    assert card.passing.expectancy_r == pytest.approx(data.rr[model.holdout_rows][passes].mean())


def test_noise_is_told_as_noise():
    _, card = carded(dataset(900, 5, seed=4))
    assert card.sentence.startswith("Not promoted against chance, as ")
    assert "can't be told from a coin's" in card.sentence


def test_break_even_is_where_wins_and_losses_cancel():
    y, rr = np.array([1, 1, 0, 0]), np.array([3.0, np.nan, -1.0, -2.0])
    p = break_even(y, rr)
    assert p * 3.0 + (1 - p) * -1.5 == pytest.approx(0)
    assert break_even(y, np.array([1.0, 1, 1, 1])) is None
    assert break_even(np.ones(4), rr) is None


def test_nothing_that_passes_promises_nothing():
    share = score_share(np.array([0, 1]), np.array([0.3, 0.6]), np.array([-1.0, 2.0]), 0.6)
    assert (share.passed, share.promised, share.achieved, share.expectancy_r) == (
        0,
        None,
        None,
        None,
    )
    assert share.expectancy_all_r == 0.5


def test_drift_exceeds_its_limit_once_in_twenty_without_drift():
    """400 features of one distribution, at sizes where a fixed limit of 0.1 would cry often."""
    rng = np.random.default_rng(8)
    names = tuple(f"f{i}" for i in range(400))
    found = drift_of(
        profiles_of(rng.normal(size=(600, 400)), names), rng.normal(size=(120, 400)), names
    )
    beyond = np.mean([d.psi > d.limit for d in found])
    assert 0.02 < beyond < 0.085
    moved = drift_of(
        profiles_of(rng.normal(size=(600, 50)), names[:50]),
        rng.normal(0.8, 1, (120, 50)),
        names[:50],
    )
    assert all(d.psi > d.limit for d in moved)


def test_features_with_few_values_or_none_have_profiles():
    x = np.column_stack([np.zeros(50), np.full(50, np.nan), np.arange(50) % 2])
    still = drift_of(profiles_of(x, ("a", "b", "c")), x, ("a", "b", "c"))
    assert [d.psi for d in still] == [0, 0, 0]
    for value in (0.5, 2.0, -1.0):
        later = drift_of(profiles_of(x, ("a", "b", "c")), np.full((50, 3), value), ("a", "b", "c"))
        assert [d.feature for d in later if d.psi <= d.limit] == []


def test_the_histogram_counts_each_score_once():
    scores = np.array([0.0, 0.04, 0.05, 0.31, 1.0])
    counted = histogram(scores)
    assert sum(rows for _, _, rows in counted) == len(scores)
    assert [(round(low, 2), rows) for low, _, rows in counted] == [
        (0.0, 2),
        (0.05, 1),
        (0.3, 1),
        (0.95, 1),
    ]
    assert histogram(np.array([])) == ()
