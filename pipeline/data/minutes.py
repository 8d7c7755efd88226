"""Longer bars in the shape of minute bars, where no shorter ones are held."""

import numpy as np
import pandas as pd

from pipeline.data.clean import VALUES, frame_of
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.market import Timeframe


def as_minutes(bars: pd.DataFrame, timeframe: Timeframe) -> pd.DataFrame:
    """Return each bar as the one M1 bar of its last minute, with all that it says.

    Bars of `timeframe` and of longer ones made of these are exactly those made of the originals,
    each known at the same close. Nothing shorter can be told from them.
    """
    if timeframe is Timeframe.M1:
        return bars
    last_minute = epoch_seconds(bars["close_time"]) - Timeframe.M1.minutes * 60
    values = np.column_stack([bars[name].to_numpy(dtype="float64") for name in VALUES])
    return frame_of(last_minute, values, Timeframe.M1)
