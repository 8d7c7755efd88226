"""How much each row tells that no other tells: average uniqueness of label intervals."""

import numpy as np


def uniqueness(known: np.ndarray, resolved: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return each row's average uniqueness, scaled to a mean of 1.

    Parameters
    ----------
    known, resolved
        datetime64: the closed intervals of the labels.
    groups
        Rows of different groups (symbols) don't share a market and are counted apart.

    Notes
    -----
    Lopez de Prado 2018, 4.3–4.4, in continuous time: the mean over a label's interval of one over
    the number of intervals open at that moment. A label without length counts those that hold
    its moment.
    """
    weights = np.ones(len(known))
    starts, ends = known.astype("int64"), resolved.astype("int64")
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        weights[rows] = _average(starts[rows], ends[rows])
    return weights / weights.mean() if len(weights) else weights


def _average(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the average uniqueness of intervals of one market."""
    moments = np.unique(np.concatenate([starts, ends]))
    opened = np.searchsorted(np.sort(starts), moments, side="right")
    closed = np.searchsorted(np.sort(ends), moments, side="right")
    open_after = np.maximum(opened - closed, 1)
    grown = np.zeros(len(moments))
    grown[1:] = np.cumsum(np.diff(moments) / open_after[:-1])
    first, last = np.searchsorted(moments, starts), np.searchsorted(moments, ends)
    length = ends - starts
    at_moment = opened[first] - np.searchsorted(np.sort(ends), starts, side="left")
    return np.where(
        length > 0, (grown[last] - grown[first]) / np.maximum(length, 1), 1.0 / at_moment
    )
