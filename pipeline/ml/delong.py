"""Whether one score ranks better than another on the same rows: DeLong's paired test."""

import math
from typing import NamedTuple

import numpy as np


class Comparison(NamedTuple):
    """Two areas under the ROC curve, and how likely chance alone puts the first so far above."""

    auc: float
    other: float
    error: float
    z: float
    p: float

    @property
    def gain(self) -> float:
        """By how much the first is larger."""
        return self.auc - self.other


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1; equal values share the mean of theirs."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return (first + last + 1) / 2


def delong(y: np.ndarray, scores: np.ndarray, others: np.ndarray) -> Comparison | None:
    """Compare two scores of the same rows; None where a class has fewer than two rows.

    Parameters
    ----------
    y
        0/1.
    scores, others
        `others` may be constant: the test is then whether `scores` rank better than chance.

    Notes
    -----
    DeLong, DeLong & Clarke-Pearson 1988 by ranks (Sun & Xu 2014). `p` is one-sided: the chance of
    a z this large if `scores` are no better. Equal rankings have z = 0 and p = 0.5. Rows are taken
    as independent; where they share days, the bootstrap by days is the sterner judge.
    """
    won = y == 1
    positives, negatives = int(won.sum()), int((~won).sum())
    if min(positives, negatives) < 2:  # noqa: PLR2004  a variance needs two
        return None
    one, two = (_placements(won, s) for s in (scores, others))
    auc, other = float(one[0].mean()), float(two[0].mean())
    variance = sum(float(np.var(a - b, ddof=1)) / len(a) for a, b in zip(one, two, strict=True))
    error = math.sqrt(variance)
    gain = auc - other
    z = gain / error if error > 0 else math.copysign(math.inf, gain) if gain else 0.0
    return Comparison(auc, other, error, z, math.erfc(z / math.sqrt(2)) / 2)


def _placements(won: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each winner's share of losers below it, each loser's of winners above it."""
    among_all = ranks(scores)
    winners, losers = among_all[won], among_all[~won]
    below = (winners - ranks(scores[won])) / len(losers)
    above = 1 - (losers - ranks(scores[~won])) / len(winners)
    return below, above
