"""Imported once by the server that computing processes are forked from: it warms everything.

Importing it runs every built-in setup on a few made-up days and draws one picture, so that each
child starts with compiled kernels, loaded fonts and shared pages. Nothing else imports it.
"""

import gc
from importlib import resources

import numpy as np
import pandas as pd

from flows import backtest_compute as compute
from pipeline.backtest.engine import simulate
from pipeline.backtest.metrics import metrics
from pipeline.data.quality import assess
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel
from pipeline.setups.engine import Overrides, detect, find_signals, frames_for
from pipeline.setups.rules import parse_setup

_DAYS = 12
_INSTRUMENT = Instrument(
    symbol="EURUSD", title="warm-up", point=0.0001, tick_size=0.00001, digits=5,
    point_value=10.0, currency="USD", spread_points=(0.6,) * 24, slippage_points=0.2,
    cash_session="london", calendar="fx", source="made up",
)  # fmt: skip


def made_up_bars(timeframe: Timeframe) -> pd.DataFrame:
    """Return some days of a seeded random walk, in the shape of EURUSD."""
    rng = np.random.default_rng(1)
    count = _DAYS * 1440 // timeframe.minutes
    step = 1e-4 * np.sqrt(timeframe.minutes)
    close = 1.1 + np.cumsum(rng.normal(0, step, count))
    opened = np.concatenate([[1.1], close[:-1]])
    high = np.maximum(opened, close) + rng.exponential(step / 2, count)
    low = np.minimum(opened, close) - rng.exponential(step / 2, count)
    times = pd.date_range("2025-05-05", periods=count, freq=timeframe.delta, tz="UTC")
    return bar_frame(times, timeframe, np.column_stack([opened, high, low, close]))


def warm() -> int:
    """Run all built-in setups once and draw what they find; return the number of trades."""
    trades = 0
    for file in resources.files("pipeline.setups.library").iterdir():
        if not file.name.endswith(".yaml"):
            continue
        spec = parse_setup(file.read_text(encoding="utf-8"), file.name)
        bars = made_up_bars(spec.timeframe)
        frames = frames_for(bars, spec.timeframe, spec)
        tools = detect(frames, spec, spec.timeframe, _INSTRUMENT)
        found = find_signals(
            frames, tools, spec, spec.timeframe, _INSTRUMENT, overrides=Overrides()
        )
        result = simulate(
            found.plans, bars, _INSTRUMENT, CostModel(slippage_points=0.2),
            timeframe=spec.timeframe, m1=made_up_bars(Timeframe.M1),
        )  # fmt: skip
        by_id = {trade.signal_id: trade for trade in result.trades}
        if found.signals and trades == 0:
            first = found.signals[0]
            sample = compute.Sample(first, found.plans[0], by_id.get(first.signal_id))
            look = compute.Look("tv_dark", "warm-up", "Europe/Berlin", synthetic=True)
            compute.draw_signal(bars, sample, _INSTRUMENT, look)
            compute.draw_equity(result.trades, metrics(result.trades), "warm-up", "USD", look)
        assess(bars, spec.timeframe, _INSTRUMENT)
        trades += len(result.trades)
    return trades


warm()

# What is here now stays for good: the collector need not visit it, so that its pages stay shared.
gc.collect()
gc.freeze()
