"""Bars out of Dukascopy's candles: bid prices in ours, the spread at each close."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame, empty_bars, validate_bars
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds.dukascopy_files import Candles, traded


@dataclass(frozen=True)
class Minutes:
    """Bars in the making. `at`: epoch seconds. `note`: what is missing, in words."""

    at: np.ndarray
    prices: np.ndarray
    volume: np.ndarray
    spread: np.ndarray
    note: str = ""


def minutes_of(symbol: SourceSymbol, day: datetime, bid: Candles, ask: Candles | None) -> Minutes:
    """Return the bars of bid candles, those that only fill a time of no trade left out.

    Parameters
    ----------
    day
        Midnight UTC that the candles count from.
    ask
        The other side; None: there is none, and the spread is NaN.
    """
    real = traded(bid)
    spread = np.full(len(real.at), np.nan)
    if ask is not None and len(ask.at):
        place = np.minimum(np.searchsorted(ask.at, real.at), len(ask.at) - 1)
        gap = priced(ask.prices[place, 3] - real.prices[:, 3], real.step or symbol.scale)
        spread = np.where(np.take(ask.at, place) == real.at, np.maximum(gap, 0.0), np.nan)
    lacking = len(real.at) > 0 and bool(np.isnan(spread).all())
    return Minutes(
        int(day.timestamp()) + real.at,
        priced(real.prices, real.step or symbol.scale),
        real.volume,
        spread,
        f"no spread on {day:%Y-%m-%d}" if lacking else "",
    )


def bars_of(
    symbol: SourceSymbol, parts: list[Minutes], start: datetime, end: datetime
) -> pd.DataFrame:
    """Return the bars with start <= open_time < end as a bar frame; BadBarsError."""
    if not parts:
        return empty_bars()
    at = np.concatenate([part.at for part in parts])
    inside = (at >= start.timestamp()) & (at < end.timestamp())
    frame = bar_frame(
        pd.DatetimeIndex(at[inside].astype("datetime64[s]")).tz_localize("UTC"),
        Timeframe.M1,
        np.concatenate([part.prices for part in parts])[inside],
        np.concatenate([part.volume for part in parts])[inside],
        np.concatenate([part.spread for part in parts])[inside],
    )
    try:
        return validate_bars(frame, Timeframe.M1)
    except BadBarsError as error:
        raise BadBarsError(f"Dukascopy's {symbol.name}: {error.user_text}") from error


def priced(whole: np.ndarray, step: float) -> np.ndarray:
    """Return whole numbers of steps as prices, each the float nearest to its decimals."""
    parts = 1 / step
    if abs(parts - round(parts)) < 1e-6 * parts:  # dividing rounds once, multiplying twice
        return np.asarray(whole / float(round(parts)))
    return np.asarray(whole * step)
