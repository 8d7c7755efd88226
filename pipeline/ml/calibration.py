"""From the trees' log-odds to a probability that keeps its promise."""

import numpy as np

from pipeline.domain.model import Calibrator

_STEPS = 100
_CLOSE = 1e-10


def platt(raw: np.ndarray, y: np.ndarray) -> Calibrator:
    """Return the sigmoid that fits outcomes best to scores that had not seen them.

    Parameters
    ----------
    raw
        Log-odds of rows that the trees were not grown on.
    y
        0/1, both present.

    Notes
    -----
    Platt 1999 with his targets (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2), so that separated classes
    have a finite answer; Newton's steps, halved where they overshoot (Lin, Lin & Weng 2007).
    Scores that rank backwards on unseen rows know nothing: the slope is then 0 and every score is
    the base rate, never the opposite of what the trees said.
    """
    positives = int(y.sum())
    high, low = (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2)
    targets = np.where(y == 1, high, low)
    slope, offset = _newton(raw, targets)
    if slope <= 0:
        share = float(targets.mean())
        return Calibrator(a=0.0, b=-float(np.log(share / (1 - share))))
    return Calibrator(a=-slope, b=-offset)


def calibrated(calibrator: Calibrator, raw: np.ndarray) -> np.ndarray:
    """Return the probabilities of log-odds, elementwise."""
    return probability(-(calibrator.a * raw + calibrator.b))


def probability(log_odds: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(−z)) without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


def _newton(raw: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the logistic regression of soft targets on `raw`."""
    design = np.column_stack([raw, np.ones(len(raw))])
    share = float(targets.mean())
    at = np.array([0.0, np.log(share / (1 - share))])
    loss = _loss(design @ at, targets)
    for _ in range(_STEPS):
        p = probability(design @ at)
        gradient = design.T @ (p - targets)
        curve = (design * (p * (1 - p))[:, None]).T @ design + _CLOSE * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        while (tried := _loss(design @ (at - step), targets)) > loss and np.abs(
            step
        ).max() > _CLOSE:
            step = step / 2
        at, loss = at - step, tried
        if np.abs(step).max() < _CLOSE:
            break
    return float(at[0]), float(at[1])


def _loss(log_odds: np.ndarray, targets: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0.0, log_odds) - targets * log_odds))
