"""The two price paths that a schematic is drawn on, for a long, in shares of the sheet."""

from dataclasses import dataclass

import numpy as np

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sketch:
    """A path through way points (x, price) and where things lie on it; all in 0–1."""

    path: tuple[Pair, ...]
    range_x: Pair
    range_prices: Pair
    level: float
    level_end: float
    extreme: float
    sweep_x: Pair
    gap_x: Pair
    gap: Pair
    structure_x: Pair
    structure: float
    pattern_x: Pair
    pattern: Pair
    entry_x: float
    entry: float
    stop: float
    target: float
    places: dict[str, tuple[Pair, ...]]

    def curve(self, parts: int = 24) -> np.ndarray:
        """Return the path rounded: a Catmull-Rom spline through its way points, shape (n, 2)."""
        points = np.array(self.path)
        padded = np.concatenate([points[:1], points, points[-1:]])
        t = np.linspace(0, 1, parts, endpoint=False)[:, None]
        pieces = []
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
            bend = (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
            pieces.append(0.5 * (2 * b + (c - a) * t + bend))
        joined = np.concatenate([*pieces, points[-1:]])
        # The spline's x may run back a little at a sharp turn; time doesn't.
        joined[:, 0] = np.maximum.accumulate(joined[:, 0])
        return joined


RAID = Sketch(
    path=((0.0, 0.50), (0.05, 0.56), (0.09, 0.46), (0.14, 0.58), (0.19, 0.41), (0.25, 0.54),
          (0.31, 0.43), (0.36, 0.57), (0.40, 0.50), (0.44, 0.35), (0.485, 0.17), (0.52, 0.30),
          (0.545, 0.26), (0.60, 0.50), (0.64, 0.47), (0.72, 0.63), (0.77, 0.57), (0.86, 0.80),
          (0.90, 0.76), (0.97, 0.91)),
    range_x=(0.05, 0.36), range_prices=(0.38, 0.60), level=0.38, level_end=0.62, extreme=0.16,
    sweep_x=(0.43, 0.57), gap_x=(0.415, 0.66), gap=(0.40, 0.455), structure_x=(0.40, 0.61),
    structure=0.49, pattern_x=(0.545, 0.605), pattern=(0.25, 0.51), entry_x=0.64, entry=0.47,
    stop=0.12, target=0.90,
    places={
        "range": ((0.20, 0.66), (0.12, 0.66)),
        "level": ((0.30, 0.33), (0.38, 0.33)),
        "sweep": ((0.485, 0.09), (0.605, 0.33), (0.55, 0.09)),
        "gap": ((0.70, 0.425), (0.47, 0.52)),
        "structure": ((0.50, 0.56), (0.44, 0.58)),
        "pattern": ((0.575, 0.58), (0.53, 0.62)),
        "entry": ((0.67, 0.38),),
    },
)  # fmt: skip

BREAK = Sketch(
    path=((0.0, 0.36), (0.05, 0.42), (0.10, 0.31), (0.15, 0.43), (0.20, 0.28), (0.26, 0.41),
          (0.31, 0.32), (0.36, 0.44), (0.40, 0.40), (0.46, 0.55), (0.51, 0.68), (0.55, 0.65),
          (0.59, 0.70), (0.64, 0.60), (0.69, 0.66), (0.75, 0.72), (0.80, 0.69), (0.88, 0.85),
          (0.92, 0.82), (0.98, 0.93)),
    range_x=(0.05, 0.38), range_prices=(0.26, 0.46), level=0.46, level_end=0.60, extreme=0.26,
    sweep_x=(0.17, 0.23), gap_x=(0.455, 0.70), gap=(0.535, 0.60), structure_x=(0.36, 0.50),
    structure=0.50, pattern_x=(0.415, 0.475), pattern=(0.41, 0.58), entry_x=0.64, entry=0.60,
    stop=0.38, target=0.92,
    places={
        "range": ((0.20, 0.20), (0.12, 0.20)),
        "level": ((0.36, 0.53), (0.30, 0.53)),
        "gap": ((0.58, 0.50), (0.64, 0.50)),
        "structure": ((0.42, 0.61), (0.36, 0.62)),
        "pattern": ((0.47, 0.38), (0.42, 0.34)),
        "entry": ((0.67, 0.52),),
    },
)  # fmt: skip
