"""Seconds of what is measured, and the middle of some figures."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS = 5


def best(run: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Best wall-clock seconds of some rounds after one that compiles."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def median(values: list[float]) -> float:
    """The middle of some figures."""
    return float(np.median(values))
