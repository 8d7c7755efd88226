"""The average price of the day weighted by volume, and what it is weighted by."""

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field, field_validator

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    column,
    events_at,
    register,
)
from pipeline.detectors.trading_days import ROLL, ROLL_ZONE, iso_dates
from pipeline.detectors.windows import DAY_MINUTES, DST_SLACK, bars_in, local_windows
from pipeline.domain.bars import BarTable, bar_seconds
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import SESSIONS, Instrument, Timeframe

WORDS = ("volume_weighted", "time_weighted")
EXTRAS = {"day": "str"}


class VwapParameters(Parameters):
    """Parameters of `vwap` and `vwap_basis`."""

    anchor: Literal["cash_open", "roll"] = Field(
        default="cash_open", description="where each day's average begins; roll: 17:00 New York"
    )
    session: str | None = Field(
        default=None,
        description="name of the session that opens; empty: the instrument's cash session",
    )
    price: Literal["typical", "close"] = Field(
        default="typical", description="price of a bar; typical: (high + low + close) / 3"
    )

    @field_validator("session")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in SESSIONS:
            raise ValueError(f"no session {name!r}; known: {', '.join(SESSIONS)}")
        return name


def vwap(
    bars: BarTable,
    parameters: VwapParameters,
    inputs: Inputs,  # noqa: ARG001 - every detector has one signature
    instrument: Instrument,
    timeframe: Timeframe,  # noqa: ARG001
) -> np.ndarray:
    """Return the volume-weighted average price since the anchor at each bar's close, in price.

    It begins anew with the first bar that opens at or after the anchor and runs until the
    trading day rolls at 17:00 New York.

    Notes
    -----
    The bars' volume is what the source has, real or ticks. While it is zero on every bar since
    the anchor, each bar weighs the same (time-weighted): `vwap_basis` says which one it is.
    NaN between the roll and the anchor, and on the day that began before the first bar held.
    Missing bars have no weight.
    """
    average, _ = _averages(bars, parameters, instrument)
    return average


def vwap_basis(
    bars: BarTable,
    parameters: VwapParameters,
    inputs: Inputs,  # noqa: ARG001
    instrument: Instrument,
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return what each day's VWAP is weighted by: said at its first bar, and when it changes.

    Notes
    -----
    A day that begins without volume is `time_weighted` until the first bar that has some; from
    then on `volume_weighted`, and the bars before weigh nothing. The level is the VWAP at that
    bar's close, `zone_id` the anchor's local date as days since 1970.
    """
    if len(bars) == 0:
        return empty_events(**EXTRAS)
    average, anchor = _averages(bars, parameters, instrument)
    bar, by_time = _changes(anchor, column(bars, "volume"))
    if len(bar) == 0:
        return empty_events(**EXTRAS)
    values = {
        "side": np.zeros(len(bar), dtype="int64"),
        "start": bar,
        "price_low": average[bar],
        "price_high": average[bar],
        "zone_id": anchor[bar],
        "day": iso_dates(anchor[bar]),
    }
    return events_at(bars, bar, (WORDS, by_time), values)


def _averages(
    bars: BarTable, parameters: VwapParameters, instrument: Instrument
) -> tuple[np.ndarray, np.ndarray]:
    """Return the average and the anchor's date (−1: none) of each bar."""
    if len(bars) == 0:
        return np.empty(0), np.empty(0, dtype="int64")
    anchor = _anchors(bars, parameters, instrument)
    price = column(bars, "close")
    if parameters.price == "typical":
        price = (column(bars, "high") + column(bars, "low") + price) / 3
    return np.asarray(_weigh(price, column(bars, "volume"), anchor)), anchor


def _anchors(bars: BarTable, parameters: VwapParameters, instrument: Instrument) -> np.ndarray:
    opened = bar_seconds(bars, "open_time")
    rolls = local_windows(bars, ROLL_ZONE, ROLL, ROLL)
    rolled = np.searchsorted(rolls.start, opened, side="right") - 1
    if parameters.anchor == "roll":
        days, begun = rolls.day.astype("int64") + 1, rolls.start
        at = rolled
    else:
        session = SESSIONS[parameters.session or instrument.cash_session]
        opens = local_windows(bars, session.zone, session.start, session.end)
        days, begun = opens.day.astype("int64"), opens.start
        at = np.searchsorted(opens.start, opened, side="right") - 1
    since = np.where(at >= 0, begun[at], -1)
    return np.where(since >= np.maximum(rolls.start[rolled], opened[0]), days[at], -1)


@njit(cache=True)
def _weigh(price: np.ndarray, volume: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    out = np.full(len(price), np.nan)
    worth, weight, total, count = 0.0, 0.0, 0.0, 0
    for i in range(len(price)):
        if anchor[i] < 0:
            continue
        if i == 0 or anchor[i] != anchor[i - 1]:
            worth, weight, total, count = 0.0, 0.0, 0.0, 0
        worth += price[i] * volume[i]
        weight += volume[i]
        total += price[i]
        count += 1
        out[i] = worth / weight if weight > 0 else total / count
    return out


@njit(cache=True)
def _changes(anchor: np.ndarray, volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bars at which the weighting is new, and 1 where it is by time, else 0."""
    bar = np.empty(len(anchor), dtype=np.int64)
    by_time = np.empty(len(anchor), dtype=np.int64)
    m, has_volume = 0, False
    for i in range(len(anchor)):
        if anchor[i] < 0:
            continue
        begins = i == 0 or anchor[i] != anchor[i - 1]
        had = has_volume and not begins
        has_volume = had or volume[i] > 0
        if begins or has_volume != had:
            bar[m], by_time[m] = i, not has_volume
            m += 1
    return bar[:m], by_time[:m]


def _warm_up(parameters: VwapParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return bars_in(DAY_MINUTES + DST_SLACK, timeframe) + 1


register(
    Detector(
        name="vwap",
        title="Volume-weighted average price",
        gives=(),
        inputs=(),
        parameters=VwapParameters,
        output="series",
        warm_up=_warm_up,
        detect=vwap,
        source="Berkowitz, Logue & Noser (1988), The Total Cost of Transactions; typical price as "
        "on trading platforms",
        pauses=True,
    )
)
register(
    Detector(
        name="vwap_basis",
        title="What the VWAP is weighted by",
        gives=WORDS,
        inputs=(),
        parameters=VwapParameters,
        output="events",
        warm_up=_warm_up,
        detect=vwap_basis,
        source="as `vwap`; without volume a time-weighted average (TWAP)",
    )
)
