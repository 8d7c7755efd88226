"""A model is the same for the same labels, judged on what it has not seen, and refused if changed."""

import dataclasses

import numpy as np
import pytest

from pipeline.domain.errors import DataError, ModelRefusedError
from pipeline.domain.training import Hyperparams
from pipeline.ml.boosting import text_hash
from pipeline.ml.dataset import dataset_of
from pipeline.ml.scoring import Scorer
from pipeline.ml.training import Naming, fit, split, train
from tests.kit.labelled import NOW, dataset, rows_of

SMALL = Hyperparams(n_estimators=20, max_depth=3, cross_validation_folds=3)


def trained(data, champion=None, hyperparams=SMALL, **naming):
    return train(data, hyperparams, champion, np.random.default_rng(5), NOW, Naming(**naming))


@pytest.fixture(scope="module")
def real():
    return dataset(900, 5, seed=3, signal=1.2)


@pytest.fixture(scope="module")
def model(real):
    return trained(real)


def test_a_true_signal_is_found_and_promoted(model):
    assert model.verdict.promoted, [c.words for c in model.verdict.failed]
    assert model.verdict.against == ""
    assert model.manifest.metrics.roc_auc.value > 0.65


def test_the_same_rows_in_any_order_give_the_same_model_to_the_byte(real):
    rows = rows_of(real)
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    one, two = (trained(dataset_of(r, real.features, "1")) for r in (rows, shuffled))
    assert one.trees == two.trees
    assert one.manifest == two.manifest
    assert one.verdict == two.verdict


def test_the_last_window_is_seen_by_nothing_but_the_gate(real):
    """Labels and features of the last window may change at will: the trees don't."""
    last = split(real, SMALL).last
    x, y = real.x.copy(), real.y.copy()
    x[last.test], y[last.test] = 0.0, 1 - y[last.test]
    hyperparams = SMALL.model_copy(update={"search_trials": 2})
    # The window's size needs 50 of each class; the same size on both sides is what is compared.
    other = dataclasses.replace(real, x=x, y=y)
    windows = split(real, hyperparams)
    assert np.array_equal(split(other, hyperparams).last.test, last.test)
    one, two = (fit(d, windows, hyperparams) for d in (real, other))
    assert one.trees == two.trees
    assert one.calibrator == two.calibrator
    assert one.hyperparams == two.hyperparams
    assert not set(one.rows) & set(last.test)
    for fold in windows.folds:
        assert not set(fold.train) & set(last.test)


def test_a_champion_is_not_replaced_by_its_equal(real, model):
    champion = Scorer.of(model.manifest, model.trees)
    again = trained(real, champion, version="v2.0")
    assert not again.verdict.promoted
    assert again.verdict.against == "v1.0"
    gain = next(c for c in again.verdict.conditions if c.name == "auc_gain")
    assert gain.value == 0
    assert again.verdict.champion.roc_auc == again.verdict.challenger.roc_auc


def test_a_champion_of_other_features_is_no_rival(real, model):
    champion = Scorer.of(model.manifest, model.trees)
    newer = trained(dataclasses.replace(real, feature_version="2"), champion)
    assert newer.verdict.against == ""
    assert "v1.0 was made for other features" in newer.verdict.notes[0]


def test_a_champion_that_learnt_from_the_window_is_judged_after_it(real, model):
    """With 1500 rows the last 375 are held out; what it learnt from of them is left out."""
    more = dataset(2000, 5, seed=3, signal=1.2)
    last = split(more, SMALL).last
    for known, wanted in ((30, 470), (300, 500)):
        until = more.known[last.test[known]].item()
        window = model.manifest.training.model_copy(
            update={"end": until.replace(tzinfo=NOW.tzinfo)}
        )
        manifest = model.manifest.model_copy(update={"training": window})
        found = trained(more, Scorer.of(manifest, model.trees), version="v2.0")
        assert found.verdict.notes
        judged = found.verdict.challenger.rows
        if wanted == 500:
            assert judged == 500 and "sterner" in found.verdict.notes[0]
        else:
            assert 440 <= judged < wanted and "after it" in found.verdict.notes[0]


def test_too_few_labels_are_said(real):
    small = dataset(60, 3)
    with pytest.raises(DataError, match="too few labelled signals"):
        trained(small)


def test_the_search_is_seeded_and_keeps_what_it_was_given(real):
    searched = SMALL.model_copy(update={"search_trials": 4})
    windows = split(real, searched)
    one, two = fit(real, windows, searched), fit(real, windows, searched)
    assert one.hyperparams == two.hyperparams
    assert one.trees == two.trees
    assert one.hyperparams.seed == SMALL.seed


class TestScorer:
    def test_scores_as_it_did_in_training(self, real, model):
        scorer = Scorer.of(model.manifest, model.trees)
        assert np.array_equal(scorer.scores(real.x[model.holdout_rows]), model.holdout)
        row = dict(zip(reversed(real.features), reversed(real.x[-1].tolist()), strict=True))
        assert scorer.score(row) == model.holdout[-1]

    def test_contributions_add_up_to_the_score(self, real, model):
        scorer = Scorer.of(model.manifest, model.trees)
        for x in real.x[:20]:
            row: dict[str, float | None] = dict(zip(real.features, x.tolist(), strict=True))
            row["f2"] = None
            log_odds = sum(scorer.contributions(row).values()) + scorer.base
            assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(scorer.score(row), abs=1e-9)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"sha256": ""}, "wrong SHA-256"),
            ({"features": ("f1", "f0", "f2", "f3", "f4")}, "another order"),
            ({"dtypes": ("int64",) * 5}, "float64"),
            ({"algorithm": "xgboost"}, "algorithm"),
            ({"golden": ()}, "no golden rows"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, model, change, says):
        with pytest.raises(ModelRefusedError, match=says):
            Scorer.of(model.manifest.model_copy(update=change), model.trees)

    def test_damaged_trees_are_refused_unread(self, model):
        for text in ("", model.trees[:500], model.trees.replace("leaf_value=", "leaf_value=9", 1)):
            with pytest.raises(ModelRefusedError, match="SHA-256"):
                Scorer.of(model.manifest, text)

    def test_other_trees_under_the_right_hash_are_found_by_golden_rows(self, real, model):
        other = trained(dataset(900, 5, seed=9, signal=1.2)).trees
        manifest = model.manifest.model_copy(update={"sha256": text_hash(other)})
        with pytest.raises(ModelRefusedError, match="no longer gives the scores"):
            Scorer.of(manifest, other)

    def test_a_missing_feature_is_named(self, model):
        with pytest.raises(ModelRefusedError, match="no feature 'f1'"):
            Scorer.of(model.manifest, model.trees).score({"f0": 1.0})
