"""How large a position is: fixed lots or a fixed amount at risk, in steps that a broker takes."""

import math

from pipeline.domain.market import Instrument

_HAIR = 1e-9  # keeps 0.3 / 0.1 from becoming two steps


def position_size(
    instrument: Instrument, *, lots: float, risk: float | None, distance: float
) -> float:
    """Return the lots of one position, rounded down to the volume step.

    Parameters
    ----------
    lots
        The fixed size; counts where `risk` is None.
    risk
        Money that the way from entry to stop may cost, in the instrument's currency.
    distance
        |entry − stop| on the ticket, in price units, > 0.

    Returns
    -------
    Lots, a whole number of volume steps; 0.0 where that is less than the smallest volume.
    """
    if risk is not None:
        lots = risk / (distance / instrument.point * instrument.point_value)
    steps = math.floor(lots / instrument.volume_step + _HAIR)
    size = round(steps * instrument.volume_step, 8)
    return size if size >= instrument.volume_min - _HAIR else 0.0
