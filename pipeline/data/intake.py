"""What of newly fetched bars is kept and what waits in quarantine; nothing is repaired."""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.data.calendar import market_hours
from pipeline.data.quality import SPIKE_RANGES, spike_mask
from pipeline.data.zones import wall_clock
from pipeline.domain.bars import PRICES, epoch_seconds
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.source import WithheldBar, WithheldKind

_DAY = 86_400
_SATURDAY = 2  # of days since Thursday 1970-01-01
_LEAP = 2.0


def judged(
    bars: pd.DataFrame,
    held: pd.DataFrame,
    instrument: Instrument,
    timeframe: Timeframe,
    *,
    source: str,
    now: datetime,
    before: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, list[WithheldBar]]:
    """Part new bars into those that are kept and those that wait for a person.

    Parameters
    ----------
    bars
        A bar frame as the source gave it.
    held
        What the store has of the same stretch.
    before
        Bars held just before, which tell what is usual where few come at once.

    Returns
    -------
    tuple
        A bar frame without the bars that are held already, and the withheld ones. Of the bars
        given, each is held with the same prices, kept, or withheld.

    Notes
    -----
    Withheld is: a bar that is held with other prices (by more than half a tick); a wick that
    leaves both neighbours behind by 25 usual ranges; and a bar on a Saturday of a market that
    rests then. The newest bar is no spike yet: what comes after it isn't known. With `before`,
    fewer than 120 bars can be judged, too.
    """
    known, differs, mine = _against(bars, held, instrument.tick_size / 2)
    kinds: list[tuple[WithheldKind, np.ndarray, str]] = [
        (WithheldKind.REVISED, differs, "it is held with other prices"),
        (WithheldKind.OUT_OF_HOURS, ~known & _resting(bars, instrument), "the market rests then"),
        (
            WithheldKind.SPIKE,
            ~known & _spikes(bars, before),
            f"its wick leaves both neighbours behind by {SPIKE_RANGES:g} usual ranges",
        ),
    ]
    taken = known.copy()
    withheld: list[WithheldBar] = []
    for kind, mask, reason in kinds:
        fresh = mask & (differs | ~taken)
        taken |= fresh
        withheld += [
            WithheldBar(
                symbol=instrument.symbol, timeframe=timeframe,
                open_time=bars["open_time"].iloc[i].to_pydatetime(), source=source, kind=kind,
                prices=_prices(bars, i), volume=float(bars["volume"].iloc[i]),
                held=_prices(held, int(mine[i])) if differs[i] else None, reason=reason, at=now,
            )
            for i in np.flatnonzero(fresh).tolist()
        ]  # fmt: skip
    return bars[~taken].reset_index(drop=True), withheld


def _spikes(bars: pd.DataFrame, before: pd.DataFrame | None) -> np.ndarray:
    """Return which bars are spikes, seen with those before them."""
    if before is None or before.empty:
        return spike_mask(bars)
    columns = ["high", "low"]
    seen = pd.concat([before[columns], bars[columns]], ignore_index=True)
    return spike_mask(seen)[len(before) :]


def _against(
    bars: pd.DataFrame, held: pd.DataFrame, slack: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which bars are held, which of them with other prices, and where they are held."""
    opens, own = epoch_seconds(bars["open_time"]), epoch_seconds(held["open_time"])
    if not len(own):
        nothing = np.zeros(len(opens), dtype=bool)
        return nothing, nothing.copy(), np.zeros(len(opens), dtype="int64")
    mine = np.minimum(np.searchsorted(own, opens), len(own) - 1)
    known = own[mine] == opens
    columns = list(PRICES)
    apart = np.abs(bars[columns].to_numpy() - held[columns].to_numpy()[mine]).max(axis=1)
    return known, known & (apart > slack), mine


def leaps(bars: pd.DataFrame, before: float) -> bool:
    """Tell whether bars begin at half or twice a price of days before, or beyond.

    More likely a split or another market under the same name than a move.
    """
    ratio = float(bars["open"].iloc[0]) / before
    return not 1 / _LEAP < ratio < _LEAP


def _resting(bars: pd.DataFrame, instrument: Instrument) -> np.ndarray:
    hours = market_hours(instrument.calendar)
    local = wall_clock(epoch_seconds(bars["open_time"]), hours.zone)
    saturday: np.ndarray = (local // _DAY) % 7 == _SATURDAY
    return saturday & (not hours.weekends)


def _prices(bars: pd.DataFrame, i: int) -> tuple[float, float, float, float]:
    row = bars.iloc[i]
    return float(row["open"]), float(row["high"]), float(row["low"]), float(row["close"])
