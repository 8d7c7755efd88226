"""The stable region of a grid: where a variant and its neighbours are good together.

The single best cell of a grid is mostly the luckiest one. A setting that means something is good
at the values beside it too, so cells are judged by the mean over their neighbourhood.
"""

import itertools
from collections import deque

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.research.grid import Grid

SHARE = 0.8
"""A plateau's cells lie so far on the way from the median of all regions to the best one."""
ALONE = 0.5
"""A best cell whose neighbourhood keeps less than this share of its lead stands alone."""


class Plateau(BaseModel):
    """A grid's best region.

    Scores are in the units of the criterion. `centre` is the cell whose neighbourhood is best;
    `cells` are those connected with it that are nearly as good, the centre among them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre: int
    cells: tuple[int, ...]
    score: float = Field(description="of the centre's own cell")
    region_score: float = Field(description="mean over the centre and its neighbours")
    median: float = Field(description="of the usable cells of the grid")
    best: int = Field(description="the single best cell")
    best_score: float
    best_region_score: float = Field(description="mean over the best cell and its neighbours")
    usable: int = Field(description="cells with enough trades")
    at_edge: tuple[str, ...] = Field(description="parameters on whose first or last value it lies")

    @property
    def best_stands_alone(self) -> bool:
        """Whether the best cell's lead over the median is mostly lost on its neighbours."""
        lead = self.best_score - self.median
        return lead > 0 and self.best_region_score - self.median < ALONE * lead


def region_scores(scores: np.ndarray, ordered: tuple[bool, ...]) -> np.ndarray:
    """Return for each cell the mean over itself and its neighbours.

    Parameters
    ----------
    scores
        One axis per parameter; NaN: not usable (too few trades, failed).
    ordered
        Axes along which cells have neighbours, one step each way, diagonals included.

    Notes
    -----
    A neighbour that isn't usable counts as the grid's worst usable one: no evidence must not help.
    Beyond the grid's edge nothing is known and nothing counts. NaN where the cell itself isn't
    usable.
    """
    if not np.isfinite(scores).any():
        return np.full(scores.shape, np.nan)
    filled = np.where(np.isfinite(scores), scores, np.nanmin(scores))
    total, count = np.zeros(scores.shape), np.zeros(scores.shape)
    for shift in itertools.product(*((-1, 0, 1) if o else (0,) for o in ordered)):
        here = tuple(
            slice(max(0, s), n + min(0, s)) for s, n in zip(shift, scores.shape, strict=True)
        )
        there = tuple(
            slice(max(0, -s), n + min(0, -s)) for s, n in zip(shift, scores.shape, strict=True)
        )
        total[here] += filled[there]
        count[here] += 1
    return np.where(np.isfinite(scores), total / count, np.nan)


def plateau(grid: Grid, scores: np.ndarray) -> Plateau | None:
    """Return a grid's best region, None where no cell is usable.

    Parameters
    ----------
    scores
        One per variant, in the grid's order; NaN: not usable.
    """
    shape = grid.shape or (1,)
    cells = scores.reshape(shape)
    if not np.isfinite(cells).any():
        return None
    ordered = tuple(d.ordered for d in grid.dimensions) or (False,)
    regions = region_scores(cells, ordered)
    centre = int(np.nanargmax(regions))
    best = int(np.nanargmax(cells))
    median = float(np.nanmedian(cells))
    top, usual = float(regions.flat[centre]), float(np.nanmedian(regions))
    return Plateau(
        centre=centre,
        cells=_connected(regions, ordered, centre, usual + SHARE * (top - usual)),
        score=float(cells.flat[centre]),
        region_score=top,
        median=median,
        best=best,
        best_score=float(cells.flat[best]),
        best_region_score=float(regions.flat[best]),
        usable=int(np.isfinite(cells).sum()),
        at_edge=_at_edge(grid, centre),
    )


def _connected(
    regions: np.ndarray, ordered: tuple[bool, ...], centre: int, least: float
) -> tuple[int, ...]:
    """Return the cells that can be reached from the centre without falling below `least`."""
    start = tuple(int(i) for i in np.unravel_index(centre, regions.shape))
    seen, ahead = {start}, deque([start])
    while ahead:
        cell = ahead.popleft()
        for axis, step in itertools.product(np.flatnonzero(ordered), (-1, 1)):
            near = (*cell[:axis], cell[axis] + step, *cell[axis + 1 :])
            inside = 0 <= near[axis] < regions.shape[axis]
            if inside and near not in seen and regions[near] >= least:
                seen.add(near)
                ahead.append(near)
    return tuple(sorted(int(np.ravel_multi_index(cell, regions.shape)) for cell in seen))


def _at_edge(grid: Grid, centre: int) -> tuple[str, ...]:
    found = []
    for dimension, position in zip(grid.dimensions, grid.cell(centre), strict=True):
        last = len(dimension.values) - 1
        if dimension.ordered and last > 0 and position in (0, last):
            found.append(dimension.name)
    return tuple(found)
