"""Signals of all built-in setups on stretches of real bars, for tests of features."""

from functools import cache

import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from tests.kit.live_days import TRIGGERS
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, LIBRARY, signals_of

MARKETS = {"EURUSD": EURUSD, "GER40": GER40}
FILES = {"EURUSD": "eurusd_m1_histdata_2024H1", "GER40": "ger40_m5_2025"}
ROWS = {"EURUSD": 60_000, "GER40": 14_000}
"""Some two months of each."""


@cache
def market_bars(symbol: str) -> tuple[pd.DataFrame, Timeframe]:
    """Two months of real bars; nobody may change them."""
    bars, timeframe = real_bars(FILES[symbol])
    return bars[: ROWS[symbol]].reset_index(drop=True), timeframe


@cache
def cases_of(symbol: str) -> list[tuple[Signal, Plan]]:
    """Every signal of every built-in setup on every trigger the bars can make."""
    bars, base = market_bars(symbol)
    pairs: list[tuple[Signal, Plan]] = []
    for trigger in (t for t in TRIGGERS if t.minutes >= base.minutes):
        made = resample(bars, base, trigger)
        for spec in LIBRARY.values():
            found = signals_of(made, spec, trigger, MARKETS[symbol])
            pairs += zip(found.signals, found.plans, strict=True)
    return pairs


def doubled_case(
    signal: Signal, plan: Plan, instrument: Instrument
) -> tuple[Signal, Plan, Instrument]:
    """The same signal on a market whose prices are all twice as high."""
    trace = tuple(
        step.model_copy(
            update={"price_low": 2 * step.price_low, "price_high": 2 * step.price_high}
        )
        for step in signal.trace
    )
    targets = tuple(t.model_copy(update={"price": 2 * t.price}) for t in plan.targets)
    twice = {"entry_price": 2 * plan.entry_price, "sl_price": 2 * plan.sl_price}
    return (
        signal.model_copy(update={"trace": trace, "tp_price": 2 * signal.tp_price, **twice}),
        plan.model_copy(update={"targets": targets, **twice}),
        instrument.model_copy(update={"point": 2 * instrument.point}),
    )
