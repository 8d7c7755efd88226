"""What is left of a result after many tries: deflated Sharpe ratio, probability of overfitting."""

import math
from collections.abc import Iterator
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from pipeline.domain.trial import Pbo, Sharpe

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
_FEWEST = 4  # values that a kurtosis needs
_FLAT = 1e-12  # of the sum of squares: a spread below this is rounding
_CELLS = 30_000  # of one chunk of splits × variants: it fits the processor's cache


def sharpe_of(returns: np.ndarray) -> Sharpe | None:
    """Return the Sharpe ratio of `returns` (not annualised) and the moments it is judged by.

    None below four values or where they don't vary. Standard deviation: of the population (n);
    skew and kurtosis (3 for a normal distribution): corrected for small samples.
    """
    n = len(returns)
    if n < _FEWEST or float(np.ptp(returns)) == 0.0:
        return None
    mean, sd = float(returns.mean()), float(returns.std())
    z = (returns - mean) / sd
    third, fourth = float(np.mean(z**3)), float(np.mean(z**4))
    skew = third * math.sqrt(n * (n - 1)) / (n - 2)
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth - 3) + 6)
    return Sharpe(ratio=mean / sd, count=n, skew=skew, kurtosis=excess + 3)


def probabilistic_sharpe(sharpe: Sharpe, benchmark: float = 0.0) -> float | None:
    """Return the probability that the true Sharpe ratio lies above `benchmark` (same units).

    Bailey & López de Prado 2012, eq. 11. None where the sample's moments are too extreme for the
    normal approximation.
    """
    s = sharpe
    spread = 1 - s.skew * s.ratio + (s.kurtosis - 1) / 4 * s.ratio**2
    if spread <= 0:
        return None
    return _NORMAL.cdf((s.ratio - benchmark) * math.sqrt(s.count - 1) / math.sqrt(spread))


def luckiest(trials: int, variance: float) -> float:
    """Return the Sharpe ratio to expect of the luckiest of `trials` without any skill.

    Parameters
    ----------
    trials
        At least 1; a single one needs no luck: 0.
    variance
        Of the trials' Sharpe ratios.

    Notes
    -----
    Bailey & López de Prado 2014, eq. 1: the expected maximum of independent normal draws. Trials
    that resemble each other count for fewer than they are, and their small variance says so.
    """
    if trials <= 1:
        return 0.0
    highest = _NORMAL.inv_cdf(1 - 1 / trials)
    higher = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - _EULER) * highest + _EULER * higher)


def deflated_sharpe(sharpe: Sharpe, trials: int, variance: float) -> float | None:
    """Return the probability that the true Sharpe ratio beats the luckiest of `trials`.

    Bailey & López de Prado 2014, eq. 2; `variance` is that of the trials' Sharpe ratios, in the
    units of `sharpe` squared.
    """
    return probabilistic_sharpe(sharpe, luckiest(trials, variance))


class Cscv(NamedTuple):
    """One row for each way to split the blocks in two halves; see `cscv`."""

    logits: np.ndarray
    in_sample: np.ndarray
    out_of_sample: np.ndarray


def pbo(returns: np.ndarray, blocks: int = 16) -> Pbo:
    """Return the probability that picking the best of some variants is overfitting.

    Parameters
    ----------
    returns
        (variants, days), finite: each variant's result on the same days, such as
        `daily.daily_r` gives it. At least two variants, and as many days as blocks.
    blocks
        Even; the days are cut into so many blocks of equal length, in order of time.

    Raises
    ------
    ValueError
        The matrix or the number of blocks can't be used.

    Notes
    -----
    Bailey, Borwein, López de Prado & Zhu 2017. In each of the C(blocks, blocks/2) splits the
    variant with the best Sharpe ratio on one half is looked up on the other half. `pbo` is the
    share of splits in which it falls below the median there: near 0, the best is good for a
    reason; 0.5, picking is no better than chance.
    """
    rows = cscv(returns, blocks)
    spread = float(np.var(rows.in_sample))
    shared = float(np.mean((rows.in_sample - rows.in_sample.mean()) * rows.out_of_sample))
    return Pbo(
        pbo=float(np.mean(rows.logits < 0)),
        loss=float(np.mean(rows.out_of_sample < 0)),
        slope=shared / spread if spread > 0 else None,
        variants=returns.shape[0],
        days=returns.shape[1],
        blocks=blocks,
        splits=len(rows.logits),
    )


def cscv(returns: np.ndarray, blocks: int = 16) -> Cscv:
    """Return, for each split, the logit of the best variant's rank and its two Sharpe ratios.

    The logit is ln(ω / (1 − ω)) with ω = rank / (variants + 1) on the half that it was not picked
    on; below 0 is below the median. Ties share their mean rank. A half without variation has a
    Sharpe ratio of 0. Parameters and errors as in `pbo`.
    """
    _check(returns, blocks)
    sums = _block_sums(returns, blocks)
    first: list[tuple[np.ndarray, ...]] = []
    second: list[tuple[np.ndarray, ...]] = []
    for half in _halves(blocks, returns.shape[0]):
        one, other = _sharpes(half, sums), _sharpes(1.0 - half, sums)
        first.append(_score(other, one))
        second.append(tuple(column[::-1] for column in _score(one, other)))
    parts = [*first, *second[::-1]]
    return Cscv(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _check(returns: np.ndarray, blocks: int) -> None:
    if blocks < 2 or blocks % 2:  # noqa: PLR2004
        raise ValueError(f"blocks must be even and at least 2, not {blocks}")
    if returns.ndim != 2 or returns.shape[0] < 2:  # noqa: PLR2004
        raise ValueError(f"returns must be (variants, days), at least 2 variants: {returns.shape}")
    if returns.shape[1] < blocks:
        raise ValueError(f"{returns.shape[1]} days can't be cut into {blocks} blocks")
    if not np.isfinite(returns).all():
        raise ValueError("returns must be finite")


class _Sums(NamedTuple):
    """Of each block: days (blocks,), sums and sums of squares (blocks, variants), centred."""

    days: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    centre: np.ndarray


def _block_sums(returns: np.ndarray, blocks: int) -> _Sums:
    centre = returns.mean(axis=1)  # squares of what lies near zero lose no digits
    parts = np.array_split(returns - centre[:, None], blocks, axis=1)
    return _Sums(
        days=np.array([part.shape[1] for part in parts], dtype=float),
        total=np.array([part.sum(axis=1) for part in parts]),
        squares=np.array([(part**2).sum(axis=1) for part in parts]),
        centre=centre,
    )


def _halves(blocks: int, variants: int) -> Iterator[np.ndarray]:
    """Yield one of each two complementary halves as rows of 0 and 1, in chunks."""
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    chosen = chosen[: len(chosen) // 2]  # the others are the complements, in reverse
    half = np.zeros((len(chosen), blocks))
    np.put_along_axis(half, chosen, 1.0, axis=1)
    step = max(1, _CELLS // variants)
    for start in range(0, len(half), step):
        yield half[start : start + step]


def _score(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logit, Sharpe inside and outside of the variant that is best inside, row by row."""
    rows = np.arange(len(inside))
    best = inside.argmax(axis=1)
    found = outside[rows, best]
    below = np.count_nonzero(outside < found[:, None], axis=1)
    equal = np.count_nonzero(outside == found[:, None], axis=1)
    share = (below + (equal + 1) / 2) / (outside.shape[1] + 1)
    return np.log(share / (1 - share)), inside[rows, best], found


def _sharpes(half: np.ndarray, sums: _Sums) -> np.ndarray:
    """Return the Sharpe ratio (standard deviation by n − 1) of each variant on each half."""
    n = (half @ sums.days)[:, None]
    total, squares = half @ sums.total, half @ sums.squares
    mean = total / n
    spread = squares - total * mean
    varies = (spread > _FLAT * squares) & (n > 1)
    mean += sums.centre
    sd = np.sqrt(np.divide(spread, n - 1, out=np.ones_like(spread), where=varies))
    return np.asarray(np.divide(mean, sd, out=np.zeros_like(mean), where=varies))
