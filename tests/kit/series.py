"""Compare a detector's series with a plain list."""

import math

import numpy as np


def same_series(found: np.ndarray, expected: list[float | None]) -> None:
    """Fail unless both say the same, None being NaN, up to the order of sums."""
    wanted = np.array([math.nan if v is None else v for v in expected], dtype="float64")
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
