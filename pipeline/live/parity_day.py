"""What is compared of one symbol: setups, bars before and of a day, and what live said."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from pipeline.domain.live import LiveSignal
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.model import SetupSpec


@dataclass(frozen=True)
class ParityDay:
    """What is compared of one symbol.

    Parameters
    ----------
    setups
        Each with the timeframe that triggers it, in the version that was watched.
    start, end
        Signals known after `start`, up to `end`, are compared: those of bars that lie between.
    history
        M1 bars before `start`, as live had them.
    seen, held
        M1 bars from `start` on as live got them, and as they are held now; None: not held.
    live
        Signals that live found in that time, of any of the setups.
    """

    symbol: str
    setups: tuple[tuple[SetupSpec, Timeframe], ...]
    instrument: Instrument
    start: datetime
    end: datetime
    history: pd.DataFrame
    seen: pd.DataFrame
    held: pd.DataFrame | None
    live: tuple[LiveSignal, ...]
    news: pd.DataFrame | None = None
