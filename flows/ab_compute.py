"""The paired comparison of two models, worked out in a computing process."""

import numpy as np

from pipeline.ml.paired import PairedComparison, Pairs, compared

_SEED = 20  # asked again, the same outcomes give the same intervals


def compare(pairs: Pairs) -> PairedComparison:
    """Compare two models on ended signals."""
    return compared(pairs, np.random.default_rng(_SEED))
