"""What backtests and live scanning say of the same bars, in a shape that can be compared."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from tests.kit.setups import LIBRARY, signals_of

TRIGGERS = (Timeframe.M1, Timeframe.M5, Timeframe.M15)
SETUPS = [(spec, trigger) for spec in LIBRARY.values() for trigger in TRIGGERS]
"""The four built-in setups on three timeframes each."""

Pairs = list[tuple[Signal, Plan]]


def said(pairs: Pairs) -> list[Any]:
    """Return signals and plans in one order, as plain values; averages of the past to 9 digits."""
    rows = [
        {"signal": signal.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}
        for signal, plan in pairs
    ]
    rows.sort(key=lambda r: [r["signal"][k] for k in ("known_at", "setup_id", "tf", "signal_id")])
    return [_rounded(row) for row in rows]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def backtested(bars: pd.DataFrame, first: int, last: int, instrument: Instrument) -> Pairs:
    """Return what backtests over all M1 bars find known after row `first` − 1, up to `last`."""
    closes = bars["close_time"]
    known = [closes.iloc[row].to_pydatetime() for row in (first - 1, last)]
    pairs: Pairs = []
    for spec, trigger in SETUPS:
        found = signals_of(resample(bars, Timeframe.M1, trigger), spec, trigger, instrument)
        pairs += zip(found.signals, found.plans, strict=True)
    return [pair for pair in pairs if known[0] < pair[0].known_at <= known[1]]


def thin(bars: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Take bars away as a thin market has none: single minutes, ends of longer bars, stretches."""
    minute = epoch_seconds(bars["open_time"]) // 60
    gone = rng.random(len(bars)) < 0.05
    gone |= (minute % 5 == 4) & (rng.random(len(bars)) < 0.5)
    for start in rng.integers(0, len(bars), len(bars) // 500):
        gone[start : start + int(rng.integers(2, 40))] = True
    return bars[~gone].reset_index(drop=True)
