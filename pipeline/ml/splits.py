"""Which rows are learnt from and which judged, so that no label is seen before its time.

A label is known from its signal's close until what resolved it: the closed interval [known,
resolved]. Whoever learns from a label that is still open when the judged window begins looks
into that window (Lopez de Prado 2018, chapter 7).
"""

from dataclasses import dataclass

import numpy as np

EMBARGO = np.timedelta64(1, "D")
"""A label must be resolved for longer than this before a judged window begins."""
HOLDOUT_ROWS = 300
HOLDOUT_CLASS = 50
HOLDOUT_SHARE = 0.25
MOST_HELD_OUT = 0.6


@dataclass(frozen=True)
class Split:
    """Row numbers, ascending: what is learnt from, and what is judged afterwards."""

    train: np.ndarray
    test: np.ndarray


def purged(
    known: np.ndarray,
    resolved: np.ndarray,
    split: Split,
    embargo: np.timedelta64 = EMBARGO,
) -> Split:
    """Return the split without the training rows whose interval reaches into the judged window.

    Parameters
    ----------
    known, resolved
        datetime64, rows sorted by `known`.
    split
        All training rows come before the judged ones.
    embargo
        How long before the window a label must be resolved.

    Notes
    -----
    Intervals are closed: a label resolved at the very close at which the first judged signal is
    known goes too, and so does one exactly `embargo` earlier.
    """
    if len(split.test) == 0:
        return split
    begins = known[split.test[0]]
    return Split(split.train[resolved[split.train] + embargo < begins], split.test)


def walk_forward(
    known: np.ndarray,
    resolved: np.ndarray,
    rows: np.ndarray,
    folds: int,
    embargo: np.timedelta64 = EMBARGO,
) -> tuple[Split, ...]:
    """Return `folds` judged windows one after the other, each with all rows before it, purged.

    Parameters
    ----------
    rows
        Row numbers that may be used, ascending; nothing else is seen.

    Notes
    -----
    `rows` are cut into `folds` + 1 pieces of as many rows; the first is only learnt from. Where
    there are fewer rows than pieces, fewer folds come back.
    """
    pieces = [piece for piece in np.array_split(rows, folds + 1) if len(piece)]
    return tuple(
        purged(known, resolved, Split(rows[rows < piece[0]], piece), embargo)
        for piece in pieces[1:]
    )


def hold_out(
    known: np.ndarray,
    resolved: np.ndarray,
    y: np.ndarray,
    embargo: np.timedelta64 = EMBARGO,
) -> Split:
    """Return the last window, kept for the gate alone, and the rows before it, purged.

    Notes
    -----
    A quarter of the rows, at least 300, more until both classes have 50, never more than 60 % of
    all: where that is too little, the gate says so. Rows known at the same moment stay together.
    """
    n = len(y)
    size = max(HOLDOUT_ROWS, int(HOLDOUT_SHARE * n))
    size = max(size, *(_rows_for(y == kind) for kind in (0, 1)))
    size = min(size, int(MOST_HELD_OUT * n))
    first = int(np.searchsorted(known, known[n - size], side="left")) if size else n
    return purged(known, resolved, Split(np.arange(first), np.arange(first, n)), embargo)


def _rows_for(wanted: np.ndarray) -> int:
    """Return how many rows from the end hold enough of a class; all of them if none do."""
    enough = np.flatnonzero(np.cumsum(wanted[::-1]) >= HOLDOUT_CLASS)
    return int(enough[0]) + 1 if len(enough) else len(wanted)
