"""Rows of `labeled_trades` become one row per natural signal, whatever order they come in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.label import BACKTEST, MARKS
from pipeline.domain.live import LIVE
from pipeline.ml.dataset import dataset_of
from tests.kit.labelled import dataset, rows_of

DATA = dataset(30, 2, seed=1)
NAMES = DATA.features


def test_arrays_come_back_as_they_were():
    found = dataset_of(rows_of(DATA), NAMES, "1")
    for column in ("x", "y", "known", "resolved", "rr", "setups", "symbols"):
        np.testing.assert_array_equal(getattr(found, column), getattr(DATA, column))
    assert found.left_out == {}


@settings(max_examples=20, deadline=None)
@given(st.permutations([MARKS, BACKTEST, "live_replay_1", LIVE]))
def test_live_counts_before_replay_backtest_and_marks(order):
    rows = [row for source in order for row in rows_of(DATA, source)]
    marked = [r.model_copy(update={"rr": 9.0}) if r.source == LIVE else r for r in rows]
    found = dataset_of(marked, NAMES, "1")
    assert len(found) == 30 and (found.rr == 9).all()
    assert found.left_out == {"repeated": 90}
    without = dataset_of([r for r in marked if r.source in (MARKS, BACKTEST)], NAMES, "1")
    assert without.left_out == {"repeated": 30}


def test_what_can_not_be_learnt_from_is_left_out_and_counted():
    rows = rows_of(DATA)
    changes = (
        {"label": None},
        {"features": None},
        {"feature_version": "0"},
        {"features": {"f0": 1.0}},
        {"resolved_at": rows[4].known_at.replace(year=2000)},
    )
    changed = [row.model_copy(update=c) for row, c in zip(rows, changes, strict=False)]
    found = dataset_of([*changed, *rows[5:]], NAMES, "1")
    assert len(found) == 25
    assert found.left_out == {
        "without_label": 1,
        "without_features": 1,
        "other_version": 2,
        "wrong_times": 1,
    }


def test_the_newest_rule_version_counts():
    rows = rows_of(DATA)
    newer = [r.model_copy(update={"rule_version": "1.10", "rr": 7.0}) for r in rows]
    older = [r.model_copy(update={"rule_version": "1.9"}) for r in rows]
    assert (dataset_of([*older, *newer], NAMES, "1").rr == 7).all()


def test_the_fingerprint_changes_with_anything_that_is_learnt_from():
    rows = rows_of(DATA)
    prints = {dataset_of(rows, NAMES, "1").fingerprint}
    for change in (
        {"label": 1 - rows[3].label},
        {"rr": 0.5},
        {"features": {"f0": 0.0, "f1": None}},
        {"symbol": "GER40"},
        {"resolved_at": rows[3].resolved_at.replace(microsecond=1)},
    ):
        other = [*rows[:3], rows[3].model_copy(update=change), *rows[4:]]
        prints.add(dataset_of(other, NAMES, "1").fingerprint)
    assert len(prints) == 6


def test_no_rows_are_an_empty_dataset():
    empty = dataset_of([], NAMES, "1")
    assert len(empty) == 0 and empty.x.shape == (0, 2) and empty.positives == 0
