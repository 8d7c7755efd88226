"""Labels of direction and their features: causal, apart from each other, held against plain twins."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.bars import bar_frame, empty_bars
from pipeline.domain.market import Timeframe
from pipeline.ml.barriers import ATR_BARS, BARRIER_ATR, HORIZON, label_directions
from pipeline.ml.exchange_features import (
    FEATURES,
    WARM_UP,
    exchange_features,
    whole_windows,
)
from tests.kit.exchange import walk

START = 1_750_000_200


def frame(count, seed=1, start=START):
    opens, prices = walk(start * 1000, count, seed)
    times = pd.DatetimeIndex(opens.astype("datetime64[ms]")).tz_localize("UTC")
    volume = np.random.default_rng(seed).uniform(0, 50, count)
    return bar_frame(times, Timeframe.M5, prices, volume)


def labelled(bars, usable=None, fee=0.001):
    usable = np.ones(len(bars), bool) if usable is None else usable
    return label_directions(*(bars[n].to_numpy() for n in ("high", "low", "close")), usable, fee)


def plain_twin(bars):
    """The rule as one would write it down, bar by bar."""
    h, low, c = (bars[n].tolist() for n in ("high", "low", "close"))
    rows, i = [], ATR_BARS
    while i < len(c) - 1:
        true = [
            max(h[k], c[k - 1]) - min(low[k], c[k - 1]) for k in range(i - ATR_BARS + 1, i + 1)
        ]
        far = BARRIER_ATR * float(np.mean(true))
        for j in range(i + 1, i + HORIZON + 1):
            if j >= len(c):
                return rows
            if low[j] <= c[i] - far:
                rows.append((i, j, 0))
                break
            if h[j] >= c[i] + far:
                rows.append((i, j, 1))
                break
        else:
            rows.append((i, j, 0))
        i = j + 1
    return rows


@given(st.integers(0, 10_000), st.integers(20, 400))
@settings(max_examples=40, deadline=None)
def test_labels_are_those_of_the_plain_rule(seed, count):
    bars = frame(count, seed)
    found = labelled(bars)
    rows = list(zip(found.at.tolist(), found.until.tolist(), found.y.tolist(), strict=True))
    assert rows == plain_twin(bars)


@given(st.integers(0, 10_000), st.integers(60, 400))
@settings(max_examples=30, deadline=None)
def test_a_label_is_the_same_whatever_comes_after_it(seed, count):
    bars = frame(400, seed)
    whole, part = labelled(bars), labelled(bars.iloc[:count].reset_index(drop=True))
    n = len(part.at)
    assert (whole.until[:n] == part.until).all()
    assert (whole.y[:n] == part.y).all()
    assert (part.until < count).all()
    assert (np.diff(np.column_stack([part.at, part.until]).ravel()) > 0).all()


def test_fees_make_every_trade_poorer_by_what_they_cost():
    bars = frame(2000)
    free, paid = labelled(bars, fee=0.0), labelled(bars, fee=0.001)
    assert np.allclose(free.rr - paid.rr, paid.cost)
    assert (paid.cost > 0).all()
    quick = free.until - free.at < HORIZON
    assert (np.abs(free.rr[quick]) == 1).all()


def test_no_label_begins_in_or_reaches_into_what_is_not_usable():
    bars, usable = frame(800), np.ones(800, bool)
    usable[300:420] = False
    found = labelled(bars, usable)
    assert len(found.at) > 50
    assert not ((found.at < 420) & (found.until >= 300)).any()


@given(st.integers(0, 10_000), st.integers(WARM_UP, 700))
@settings(max_examples=25, deadline=None)
def test_features_depend_on_their_window_alone_to_the_last_bit(seed, end):
    bars = frame(700, seed)
    whole = exchange_features(bars)
    before = bars.copy()
    window = exchange_features(bars.iloc[end - WARM_UP : end].reset_index(drop=True))
    assert np.array_equal(window[-1], whole[end - 1], equal_nan=True)
    prefix = exchange_features(bars.iloc[:end].reset_index(drop=True))
    assert np.array_equal(prefix, whole[:end], equal_nan=True)
    assert bars.equals(before)
    assert np.isfinite(whole[WARM_UP - 1 :]).all()


def test_features_have_no_scale():
    bars = frame(600)
    twice = bars.copy()
    for name in ("open", "high", "low", "close"):
        twice[name] *= 2
    assert np.array_equal(exchange_features(bars), exchange_features(twice), equal_nan=True)


def test_names_and_columns_are_as_many():
    assert exchange_features(frame(300)).shape == (300, len(FEATURES))
    assert exchange_features(empty_bars()).shape == (0, len(FEATURES))
    assert exchange_features(frame(1)).shape == (1, len(FEATURES))
    assert len(set(FEATURES)) == len(FEATURES)


@pytest.mark.parametrize("gone", [0, 1, 40])
def test_a_window_with_a_hole_is_not_whole(gone):
    bars = frame(1000)
    holed = bars.drop(range(500, 500 + gone)).reset_index(drop=True)
    whole = whole_windows(holed, Timeframe.M5)
    assert not whole[: WARM_UP - 1].any()
    assert whole[WARM_UP - 1 : 500].all()
    if gone:
        assert not whole[500 : 500 + WARM_UP - 1].any()
    assert whole[500 + WARM_UP - 1 :].all()
