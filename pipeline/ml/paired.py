"""Champion and challenger compared on the same ended signals, pair by pair."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.report import Interval
from pipeline.ml import evaluation

Floats = NDArray[np.float64]
RESAMPLES: Final = 2000
_CLIP: Final = 1e-6
"""How near to 0 and 1 a score may come: a miss at certainty would cost without end."""


@dataclass(frozen=True)
class Pairs:
    """Ended signals that both models scored; `day` is the same number for the same day."""

    reached: Floats
    champion: Floats
    challenger: Floats
    day: NDArray[np.int64]

    def __post_init__(self) -> None:
        sizes = {len(self.reached), len(self.champion), len(self.challenger), len(self.day)}
        if len(sizes) != 1:
            raise ValueError(f"reached, scores and day differ in length: {sorted(sizes)}")

    def __len__(self) -> int:
        return len(self.reached)


@dataclass(frozen=True)
class Difference:
    """One figure of both models, and by how much the challenger is better.

    `gain` is above zero where the challenger is better, whether the figure is better high or low;
    its interval is drawn by blocks of days. `p_value`: how often a gain of zero or less came up.
    All are None where one class is missing.
    """

    name: str
    champion: float | None
    challenger: float | None
    gain: Interval | None
    p_value: float | None


@dataclass(frozen=True)
class PairedComparison:
    """How both models did on the same signals."""

    rows: int
    positives: int
    days: int
    differences: tuple[Difference, ...]

    @property
    def better(self) -> str:
        """Which is better by every figure beyond chance: champion, challenger, or "" for neither.

        It is a report of what happened, no gate: nothing is promoted by it.
        """
        gains = [d.gain for d in self.differences if d.gain is not None]
        if not gains:
            return ""
        if all(gain.low > 0 for gain in gains):
            return "challenger"
        return "champion" if all(gain.high < 0 for gain in gains) else ""


def roc_auc(reached: Floats, scores: Floats) -> float:
    """Return how often a signal that reached its target scores above one that didn't.

    Ties count half. NaN where one class is missing.
    """
    found = evaluation.roc_auc(reached, scores)
    return float("nan") if found is None else found


def brier(reached: Floats, scores: Floats) -> float:
    """Return the mean squared distance of score and outcome; NaN of nothing."""
    return _mean(evaluation.brier_losses(reached, scores))


def log_loss(reached: Floats, scores: Floats) -> float:
    """Return the mean of −log of what the outcome was given; NaN of nothing."""
    return _mean(evaluation.log_losses(reached, np.clip(scores, _CLIP, 1 - _CLIP)))


def _mean(losses: Floats) -> float:
    return float(losses.mean()) if len(losses) else float("nan")


_FIGURES: Final[tuple[tuple[str, Callable[[Floats, Floats], float], int], ...]] = (
    ("ROC-AUC", roc_auc, 1),
    ("log-loss", log_loss, -1),
    ("Brier", brier, -1),
)
"""Name, figure, and whether more (1) or less (−1) of it is better."""


def compared(
    pairs: Pairs, rng: np.random.Generator, resamples: int = RESAMPLES
) -> PairedComparison:
    """Compare both models on the same signals.

    Parameters
    ----------
    rng
        For drawing whole days with replacement: signals of one day win and lose together.
    resamples
        How many draws. Draws without both classes are left out.
    """
    days, place = np.unique(pairs.day, return_inverse=True)
    positives = int(pairs.reached.sum())
    drawn = np.full((len(_FIGURES), resamples), np.nan)
    if 0 < positives < len(pairs):
        rows = [np.flatnonzero(place == d) for d in range(len(days))]
        for n in range(resamples):
            chosen = rng.integers(0, len(days), len(days))
            drawn[:, n] = _gains(pairs, np.concatenate([rows[d] for d in chosen]))
    everything = np.arange(len(pairs))
    gains = _gains(pairs, everything)
    differences = tuple(
        Difference(
            name,
            _or_none(figure(pairs.reached, pairs.champion)),
            _or_none(figure(pairs.reached, pairs.challenger)),
            *_told(gains[n], drawn[n]),
        )
        for n, (name, figure, _) in enumerate(_FIGURES)
    )
    return PairedComparison(len(pairs), positives, len(days), differences)


def _gains(pairs: Pairs, rows: NDArray[np.int64]) -> list[float]:
    y, old, new = pairs.reached[rows], pairs.champion[rows], pairs.challenger[rows]
    return [sign * (figure(y, new) - figure(y, old)) for _, figure, sign in _FIGURES]


def _told(gain: float, drawn: Floats) -> tuple[Interval | None, float | None]:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(gain) or not len(known):
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    p_value = (1 + int((known <= 0).sum())) / (1 + len(known))
    return Interval(value=gain, low=float(low), high=float(high)), p_value


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
