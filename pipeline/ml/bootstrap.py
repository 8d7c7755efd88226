"""Figures on days drawn anew: rows of a day stay together, days are drawn in blocks."""

import math

import numpy as np

from pipeline.backtest.metrics import Z95
from pipeline.backtest.robustness import block_days, stationary_blocks, student_95

_FEWEST = 5


class DrawnDays:
    """Stationary bootstrap samples of days, the same for every figure asked of them.

    Parameters
    ----------
    days
        datetime64[D] of each row.
    rng
        The same seed gives the same samples.
    """

    def __init__(self, days: np.ndarray, rng: np.random.Generator, draws: int) -> None:
        unique, self._day_of = np.unique(days, return_inverse=True)
        self.days = len(unique)
        self._counts = _counts(self.days, rng, draws)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of a row's value in each sample."""
        by_day = np.bincount(self._day_of, weights=values, minlength=self.days)
        return np.asarray(self._counts @ by_day)

    def means(self, values: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
        """Return the mean in each sample, of the rows where `of`; NaN for samples without any."""
        chosen = np.ones(len(values), dtype=bool) if of is None else of
        total, count = self.sums(np.where(chosen, values, 0.0)), self.sums(chosen)
        return _shares(total, count)

    def aucs(self, y: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the area under the ROC curve in each sample; NaN where a class is missing."""
        won = y == 1
        beaten = self._beaten(won, scores)
        right = np.einsum("ij,ij->i", self._counts @ beaten, self._counts)
        pairs = self.sums(won) * self.sums(~won)
        return _shares(right, pairs)

    def _beaten(self, won: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return (days, days): pairs with a winner of one day above a loser of the other."""
        order = np.argsort(scores[~won], kind="stable")
        losing_days = self._day_of[~won][order]
        below = np.zeros((len(order) + 1, self.days))
        np.cumsum(np.eye(self.days)[losing_days], axis=0, out=below[1:])
        losers = scores[~won][order]
        under = below[np.searchsorted(losers, scores[won], side="left")]
        equal = below[np.searchsorted(losers, scores[won], side="right")]
        table = np.zeros((self.days, self.days))
        np.add.at(table, self._day_of[won], (under + equal) / 2)
        return table

    def low(self, drawn: np.ndarray, level: float) -> float:
        """Return a low quantile of a figure's samples, moved out where days are few.

        As in `day_interval`: percentiles of few days are too narrow. `level` is below 0.5; NaN
        where no sample has the figure.
        """
        drawn = drawn[np.isfinite(drawn)]
        if not len(drawn):
            return math.nan
        tail = _normal_tail(_normal_quantile(level) * self._widening())
        return float(np.quantile(drawn, tail, method="lower"))

    def middle(self, drawn: np.ndarray) -> tuple[float, float] | None:
        """Return the bounds of the middle 95 % of a figure's samples; None without samples."""
        drawn = drawn[np.isfinite(drawn)]
        if not len(drawn):
            return None
        tail = _normal_tail(-Z95 * self._widening())
        low, high = np.quantile(drawn, [tail, 1 - tail], method="closest_observation")
        return float(low), float(high)

    def _widening(self) -> float:
        days = max(self.days, _FEWEST)
        return student_95(days - 1) / Z95 * math.sqrt(days / (days + 1 - 2 * block_days(days)))


def _counts(days: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return (draws, days): how often each sample has each day."""
    begins, lengths = stationary_blocks(days, rng, draws)
    width = 2 * days + 1
    at = np.arange(draws)[:, None] * width + begins
    steps = np.bincount(at.ravel(), minlength=draws * width).astype(np.float64)
    steps -= np.bincount((at + lengths).ravel(), minlength=draws * width)
    often = np.cumsum(steps.reshape(draws, width), axis=1)
    return np.asarray(often[:, :days] + often[:, days : 2 * days])


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where there is no whole."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def _normal_tail(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2


def _normal_quantile(level: float) -> float:
    """Return the standard normal quantile of a level below 0.5, by bisection."""
    low, high = -10.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _normal_tail(middle) < level else (low, middle)
    return (low + high) / 2
