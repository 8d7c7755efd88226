"""How good a score is on rows it has not seen."""

import numpy as np

from pipeline.backtest.metrics import wilson
from pipeline.domain.model import ModelMetrics
from pipeline.domain.report import Interval
from pipeline.ml.bootstrap import DrawnDays
from pipeline.ml.delong import ranks

DRAWS = 2000
_SURE = 1e-15  # a probability of 0 or 1 that is wrong would cost without end


def roc_auc(y: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the chance that a winner scores above a loser, ties half; None for one class."""
    won = y == 1
    pairs = int(won.sum()) * int((~won).sum())
    if not pairs:
        return None
    positives = int(won.sum())
    return float((ranks(scores)[won].sum() - positives * (positives + 1) / 2) / pairs)


def log_losses(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return −log of the probability given to what came, row by row."""
    given = np.where(y == 1, scores, 1 - scores)
    return np.asarray(-np.log(np.clip(given, _SURE, 1.0)))


def brier_losses(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the squared distance of the probability from what came, row by row."""
    return np.asarray((scores - y) ** 2)


def metrics_of(
    y: np.ndarray, scores: np.ndarray, drawn: DrawnDays, threshold: float
) -> ModelMetrics:
    """Return the figures with 95 % intervals by blocks of days.

    Parameters
    ----------
    y, scores
        0/1 and probabilities, row by row.
    drawn
        Samples of the same rows' days.
    threshold
        A signal passes with a score above it.

    Notes
    -----
    Where one class is missing there are no figures. Shares (accuracy, precision, recall) have
    intervals never narrower than Wilson's, as samples of a handful of rows may all be the same.
    """
    positives = int(y.sum())
    rows = len(y)
    auc = roc_auc(y, scores)
    if auc is None:
        return ModelMetrics(
            rows=rows,
            positives=positives,
            roc_auc=None,
            log_loss=None,
            brier=None,
            threshold=threshold,
        )
    passes = scores > threshold
    right = (passes == (y == 1)).astype(np.float64)
    everything = np.ones(rows, dtype=bool)
    return ModelMetrics(
        rows=rows,
        positives=positives,
        roc_auc=_interval(auc, drawn, drawn.aucs(y, scores)),
        log_loss=_mean(log_losses(y, scores), drawn),
        brier=_mean(brier_losses(y, scores), drawn),
        accuracy=_share(right, everything, drawn),
        precision=_share(y, passes, drawn),
        recall=_share(passes.astype(np.float64), y == 1, drawn),
        threshold=threshold,
    )


def _interval(value: float, drawn: DrawnDays, samples: np.ndarray) -> Interval:
    low, high = drawn.middle(samples) or (value, value)
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _mean(values: np.ndarray, drawn: DrawnDays) -> Interval:
    return _interval(float(values.mean()), drawn, drawn.means(values))


def _share(values: np.ndarray, of: np.ndarray, drawn: DrawnDays) -> Interval | None:
    """Return the share of ones among the rows `of`; None without rows."""
    plain = wilson(int(values[of].sum()), int(of.sum()))
    if plain is None:
        return None
    by_days = _interval(plain.value, drawn, drawn.means(values, of))
    return Interval(
        value=plain.value, low=min(plain.low, by_days.low), high=max(plain.high, by_days.high)
    )


def roc_curve(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates from (0, 0) to (1, 1), thresholds falling."""
    hits, misses = _counted(y, scores)
    start = np.zeros(1)
    return (
        np.concatenate([start, misses / max(misses[-1], 1)]),
        np.concatenate([start, hits / max(hits[-1], 1)]),
    )


def precision_recall_curve(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision, thresholds falling: recall rises to 1."""
    hits, misses = _counted(y, scores)
    return hits / max(hits[-1], 1), hits / (hits + misses)


def _counted(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return winners and losers at or above each different score, from the highest."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(y) - 1)
    hits = np.cumsum(y[order], dtype=np.float64)[ends]
    return hits, ends + 1 - hits


def histogram(scores: np.ndarray, steps: int = 20) -> tuple[tuple[float, float, int], ...]:
    """Return (from, to, rows) for equal steps of score from 0 to 1; empty steps are left out."""
    counts, edges = np.histogram(scores, bins=steps, range=(0.0, 1.0))
    return tuple(
        (float(edges[n]), float(edges[n + 1]), int(counts[n])) for n in np.flatnonzero(counts)
    )


def reliability(
    y: np.ndarray, scores: np.ndarray, bins: int = 10
) -> tuple[tuple[float, float, int], ...]:
    """Return (mean score, share that came true, rows) of bins of as many rows, scores rising.

    Rows with the same score are never parted, so bins may be fewer and uneven.
    """
    edges = np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]) if len(scores) else scores
    place = np.searchsorted(np.unique(edges), scores, side="left")
    return tuple(
        (float(scores[place == n].mean()), float(y[place == n].mean()), int((place == n).sum()))
        for n in np.unique(place)
    )
