"""The stable region: brute-force neighbours, lucky cells that lose, honest edges."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.research.grid import Dimension, Grid
from pipeline.research.plateau import plateau, region_scores


def grid_of(shape, ordered=None):
    flags = ordered or (True,) * len(shape)
    return Grid(
        dimensions=tuple(
            Dimension(name=f"p{i}", path=f"p{i}", values=tuple(range(n)), ordered=o)
            for i, (n, o) in enumerate(zip(shape, flags, strict=True))
        )
    )


ARRAYS = hnp.arrays(
    "float64",
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5),
    elements=st.one_of(st.floats(-5, 5), st.just(np.nan)),
)


@settings(deadline=None, max_examples=100)
@given(ARRAYS, st.data())
def test_regions_are_means_over_neighbours_counted_one_by_one(scores, data):
    ordered = tuple(data.draw(st.booleans()) for _ in scores.shape)
    found = region_scores(scores, ordered)
    worst = np.nanmin(scores) if np.isfinite(scores).any() else np.nan
    for cell in itertools.product(*(range(n) for n in scores.shape)):
        near = [
            other
            for other in itertools.product(*(range(n) for n in scores.shape))
            if all(abs(a - b) <= o for a, b, o in zip(cell, other, ordered, strict=True))
        ]
        wanted = np.mean([scores[o] if np.isfinite(scores[o]) else worst for o in near])
        if np.isnan(scores[cell]):
            assert np.isnan(found[cell])
        else:
            np.testing.assert_allclose(found[cell], wanted, atol=1e-12)


@settings(deadline=None, max_examples=100)
@given(ARRAYS)
def test_the_plateau_is_usable_connected_and_holds_its_centre(scores):
    grid = grid_of(scores.shape)
    best = plateau(grid, scores.ravel())
    if best is None:
        assert not np.isfinite(scores).any()
        return
    assert best.centre in best.cells
    assert best.score <= best.best_score
    assert best.region_score >= best.best_region_score - 1e-12
    assert all(np.isfinite(scores.flat[c]) for c in best.cells)
    reached, ahead = {best.centre}, [best.centre]
    while ahead:
        here = grid.cell(ahead.pop())
        near = {
            c
            for c in best.cells
            if sum(abs(a - b) for a, b in zip(here, grid.cell(c), strict=True)) == 1
        }
        ahead += near - reached
        reached |= near
    assert reached == set(best.cells)


@given(st.floats(-3, 3), st.floats(0.1, 9))
def test_shift_and_scale_of_the_score_change_no_choice(shift, scale):
    scores = np.random.default_rng(4).normal(0, 1, (6, 5))
    grid = grid_of((6, 5))
    a, b = plateau(grid, scores.ravel()), plateau(grid, (scores * scale + shift).ravel())
    assert (a.centre, a.best, a.cells) == (b.centre, b.best, b.cells)


def test_a_lucky_cell_loses_to_a_broad_hill():
    x, y = np.meshgrid(np.arange(9), np.arange(9), indexing="ij")
    hill = np.exp(-((x - 6) ** 2 + (y - 6) ** 2) / 6)
    hill[1, 1] = 1.6  # a spike in flat land
    best = plateau(grid_of((9, 9)), hill.ravel())
    assert grid_of((9, 9)).cell(best.centre) == (6, 6)
    assert grid_of((9, 9)).cell(best.best) == (1, 1)
    assert best.best_stands_alone
    assert not best.at_edge
    assert 10 not in best.cells
    assert len(best.cells) > 4


def test_a_hill_that_is_the_best_cell_does_not_stand_alone():
    scores = 1 - np.abs(np.arange(11) - 4) / 10
    best = plateau(grid_of((11,)), scores)
    assert (best.centre, best.best, best.best_stands_alone) == (4, 4, False)


def test_no_evidence_beside_a_cell_does_not_help_it():
    scores = np.array([np.nan, 2.0, np.nan, 0.0, 1.5, 1.4, 1.5])
    assert plateau(grid_of((7,)), scores).centre == 5


def test_unordered_values_are_no_neighbours():
    scores = np.array([[0.0, 5.0, 0.0], [1.0, 1.0, 1.0]])
    best = plateau(grid_of((2, 3), (False, False)), scores.ravel())
    assert (best.centre, best.cells) == (1, (1,))
    assert best.at_edge == ()


def test_the_edge_is_named_and_one_variant_is_its_own_plateau():
    best = plateau(grid_of((4, 1)), np.array([1.0, 2.0, 3.0, 4.0]))
    assert best.at_edge == ("p0",)
    alone = plateau(Grid(), np.array([0.3]))
    assert (alone.centre, alone.cells, alone.region_score) == (0, (0,), 0.3)
