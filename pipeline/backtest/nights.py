"""Nights: how often a broker's day roll has passed, for the swap."""

import numpy as np

from pipeline.data.zones import wall_clock
from pipeline.domain.market import Swap

ROLL_ZONE = "America/New_York"
ROLL = 17 * 3600  # wall clock at which the value date moves on: the FX market's convention
_DAY = 86_400
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, Monday is 0


def nights_charged(seconds: np.ndarray, swap: Swap | None) -> np.ndarray:
    """Return the nights that all day rolls up to each moment have charged, since 1970.

    Parameters
    ----------
    seconds
        int64 epoch seconds, UTC.
    swap
        Which weekday counts three; None: no night is ever charged.

    Returns
    -------
    float64, shape of `seconds`; a position open over (a, b] is charged the difference of b and
    a. A roll at the very moment counts.

    Notes
    -----
    New York's wall clock decides, so the roll is 21:00 UTC in its summer and 22:00 in winter.
    Bank holidays, on which brokers move a night to another day, are not in it.
    """
    if swap is None or not len(seconds):
        return np.zeros(len(seconds))
    last_roll = (wall_clock(seconds, ROLL_ZONE) - ROLL) // _DAY
    weeks, weekday = np.divmod(last_roll + _EPOCH_WEEKDAY, 7)
    nights = np.cumsum(swap.nights_by_weekday)
    return np.asarray(weeks * nights[-1] + nights[weekday], dtype="float64")
