"""Walk-forward: nothing chosen by what was not yet known, nothing traded twice or left out."""

import itertools
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import BadRequestError
from pipeline.domain.research import Criterion
from pipeline.research.grid import Dimension, Grid
from pipeline.research.plateau import plateau
from pipeline.research.results import TradeTable, scores
from pipeline.research.walkforward import (
    Choosing,
    default_windows,
    drifts,
    outside_rows,
    walk_forward,
    windows_of,
)

START, END = date(2025, 1, 1), date(2025, 12, 31)
DAY = timedelta(days=1)
GRID = Grid(
    dimensions=(
        Dimension(name="a", path="a", values=(1, 2, 3), ordered=True),
        Dimension(name="b", path="b", values=("x", "y"), ordered=False),
    )
)


def micros(moment):
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def midnight(day):
    return micros(datetime(day.year, day.month, day.day, tzinfo=UTC))


def random_trades(seed, edge=0.0, per_variant=300):
    rng = np.random.default_rng(seed)
    variant = np.repeat(np.arange(GRID.size), per_variant)
    known = np.sort(
        rng.integers(midnight(START), midnight(END), (GRID.size, per_variant)), axis=1
    ).ravel()
    ended = known + rng.integers(1, 8 * 3600 * 10**6, len(known))
    rr = rng.normal(edge * (variant % 2), 1, len(known))
    return TradeTable(variant, known, ended, rr)


@given(st.integers(20, 200), st.integers(5, 90), st.integers(60, 900))
def test_windows_follow_each_other_without_gap_or_overlap(inside, outside, days):
    end = START + (days - 1) * DAY
    try:
        windows = windows_of(START, end, inside, outside)
    except BadRequestError as error:
        assert error.closest
        return
    assert len(windows) >= 3
    assert windows[0].start == START
    for before, after in itertools.pairwise(windows):
        assert before.end == after.split
    assert all((w.split - w.start).days == inside for w in windows)
    assert all((w.end - w.split).days == outside for w in windows[:-1])
    assert (windows[-1].end - windows[-1].split).days * 2 >= outside
    assert windows[-1].end <= end + DAY
    assert ((end + DAY) - windows[-1].end).days * 2 < outside


def test_the_default_windows_fit_a_year_and_a_quarter():
    for days in (90, 365, 730):
        windows = windows_of(START, START + (days - 1) * DAY, *default_windows(days))
        assert len(windows) >= 7


def test_too_short_a_period_says_what_would_fit():
    with pytest.raises(BadRequestError, match=r"60 days hold 1 windows of 40 days") as refused:
        windows_of(START, START + 59 * DAY, 40, 20)
    assert refused.value.closest == ("in=30d", "out=6d")


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from(list(Criterion)))
def test_each_window_chooses_by_its_own_past_alone(seed, criterion):
    trades = random_trades(seed)
    windows = windows_of(START, END, 120, 30)
    how = Choosing(criterion, 10)
    results = walk_forward(GRID, trades, windows, how)
    for result in results:
        split = midnight(result.window.split)
        past = trades.where(trades.ended <= split)
        changed = TradeTable(  # the future, made anew
            trades.variant, trades.known, trades.ended,
            np.where(trades.ended <= split, trades.rr, -trades.rr * 7),
        )  # fmt: skip
        again = walk_forward(GRID, changed, [result.window], how)[0]
        assert (again.chosen, again.inside) == (result.chosen, result.inside)
        alone = walk_forward(GRID, past, [result.window], how)[0]
        assert (alone.chosen, alone.inside) == (result.chosen, result.inside)
        inside = past.where(past.known >= midnight(result.window.start))
        best = plateau(GRID, scores(inside, GRID.size, criterion, 10))
        assert result.chosen == best.centre


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_outside_trades_are_counted_once_and_are_the_chosen_ones(seed):
    trades = random_trades(seed)
    windows = windows_of(START, END, 120, 30)
    results = walk_forward(GRID, trades, windows, Choosing(Criterion.T, 10))
    rows = outside_rows(trades, results)
    assert rows.sum() == sum(r.outside.trades for r in results)
    assert trades.rr[rows].sum() == pytest.approx(sum(r.outside.total_r for r in results))
    for i in np.flatnonzero(rows):
        owner = [
            r
            for r in results
            if midnight(r.window.split) <= trades.known[i] < midnight(r.window.end)
        ]
        assert [r.chosen for r in owner] == [trades.variant[i]]


def test_an_edge_is_found_and_chance_is_not():
    windows = windows_of(START, END, 120, 30)
    with_edge = walk_forward(GRID, random_trades(5, edge=0.8), windows, Choosing())
    assert all(r.chosen % 2 == 1 for r in with_edge)
    assert sum(r.outside.total_r for r in with_edge) > 0
    chance = [walk_forward(GRID, random_trades(s), windows, Choosing()) for s in range(30)]
    inside = np.mean([r.inside.expectancy_r for runs in chance for r in runs])
    outside = np.concatenate([[r.outside.expectancy_r for r in runs] for runs in chance])
    assert inside > 0.05  # the choice flatters
    assert abs(outside.mean()) < 3 * outside.std() / np.sqrt(
        len(outside)
    )  # what comes after doesn't


def test_without_enough_trades_nothing_is_chosen_and_nothing_traded():
    trades = random_trades(1, per_variant=20)
    results = walk_forward(
        GRID, trades, windows_of(START, END, 120, 30), Choosing(Criterion.T, 50)
    )
    assert {r.chosen for r in results} == {None}
    assert not outside_rows(trades, results).any()
    assert results[0].outside.expectancy_r is None
    assert [d.positions for d in drifts(GRID, results)] == [(None,) * len(results)] * 2


def test_drift_counts_moves_on_the_grid():
    trades = random_trades(2)
    results = walk_forward(GRID, trades, windows_of(START, END, 120, 30), Choosing(Criterion.T, 5))
    chosen = [0, 0, 4, None, 2, *[2] * (len(results) - 5)]
    moved = [r.model_copy(update={"chosen": c}) for r, c in zip(results, chosen, strict=True)]
    a, b = drifts(GRID, moved)
    assert a.positions[:5] == (0, 0, 2, None, 1)
    assert (a.changes, b.changes) == (2, 0)
    assert a.mean_jump == pytest.approx(3 / (len(results) - 2) / 2)
