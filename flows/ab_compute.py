"""The paired comparison of two models, worked out in a computing process."""

from dataclasses import dataclass

import numpy as np

from pipeline.ml.paired import PairedComparison, Pairs, compared

_SEED = 20  # asked again, the same outcomes give the same intervals


@dataclass(frozen=True)
class Told:
    """Ended signals: whether the target was reached, both scores, the day's number."""

    reached: tuple[int, ...]
    champion: tuple[float, ...]
    challenger: tuple[float, ...]
    day: tuple[int, ...]


def compare_told(told: Told) -> PairedComparison:
    """Compare two models on ended signals."""
    pairs = Pairs(
        np.asarray(told.reached, dtype=np.float64),
        np.asarray(told.champion, dtype=np.float64),
        np.asarray(told.challenger, dtype=np.float64),
        np.asarray(told.day, dtype=np.int64),
    )
    return compared(pairs, np.random.default_rng(_SEED))
