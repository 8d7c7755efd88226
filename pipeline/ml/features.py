"""The feature vector of a signal: one pure function, the same in training and live.

Every feature is a function of bars closed by the signal's close, over a fixed number of them, and
of the signal's own ticket and trace. So a long history and a short live buffer give the same
number to the last bit, and later bars change nothing. `feature_words` says what each one is.
"""

from collections.abc import Mapping
from typing import TypeAlias

from pipeline.domain.bars import BarTable
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.ml.feature_bars import WINDOWS, FeatureBars, frames_at, m1_bars_for, windows_for
from pipeline.ml.feature_words import FEATURE_WORDS
from pipeline.ml.level_features import levels
from pipeline.ml.market_features import Market, trend, volatility
from pipeline.ml.signal_features import agreement, hour, ticket, trace

__all__ = [
    "FEATURES",
    "FEATURE_VERSION",
    "FEATURE_WORDS",
    "WINDOWS",
    "FeatureBars",
    "Vector",
    "features_of",
    "frames_at",
    "m1_bars_for",
    "windows_for",
]

FEATURE_VERSION = "1"
"""Changes with any feature's code: vectors of two versions are never learnt from together."""

Vector: TypeAlias = Mapping[str, float | None]
"""Features by name, in the order of `FEATURES`."""

FEATURES: tuple[str, ...] = tuple(FEATURE_WORDS)
"""The names of the features, in the order that models know them."""


def features_of(
    signal: Signal,
    plan: Plan,
    frames: Mapping[Timeframe, BarTable],
    instrument: Instrument,
) -> dict[str, float | None]:
    """Return a signal's features by name, in the order of `FEATURES`.

    Parameters
    ----------
    frames
        Bars of the timeframes that `windows_for(signal.tf)` names, each at least so many closed
        by the signal's close; bars closed later are not looked at. A missing frame is one with
        too little history.

    Returns
    -------
    Each a finite number, or None: too little history, or the setup has no such thing.

    Notes
    -----
    Prices that are all twice as high (ticket, trace and the instrument's point too) give the same
    features.
    """
    market = Market(signal, frames)
    found = {
        **ticket(market, plan, instrument),
        **agreement(signal),
        **trace(market),
        **hour(signal, instrument),
        **volatility(market),
        **trend(market),
        **levels(market, instrument),
    }
    return {name: found[name] for name in FEATURES}
