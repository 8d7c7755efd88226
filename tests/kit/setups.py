"""Setups for tests: the library's texts, two instruments, seeded random bars, one call for all."""

from importlib import resources

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.engine import Found, detect, find_signals, frames_for
from pipeline.setups.rules import SetupSpec, parse_setup
from tests.kit import bar_strategies

TEXTS: dict[str, str] = {
    entry.name: entry.read_text()
    for entry in sorted((resources.files("pipeline.setups") / "library").iterdir(), key=str)
    if entry.name.endswith(".yaml")
}
LIBRARY: dict[str, SetupSpec] = {}
for _file, _text in TEXTS.items():
    _spec = parse_setup(_text, _file)
    LIBRARY[_spec.setup_id] = _spec


def every_reading() -> list[SetupSpec]:
    """Return every built-in setup, and each of its variants switched on alone."""
    found = []
    for file, text in TEXTS.items():
        plain = parse_setup(text, file)
        found += [plain, *(parse_setup(text, file, (name,)) for name in plain.variants)]
    return found


_ROUND = {"slippage_points": 0, "source": "round figures for tests"}
EURUSD = bar_strategies.EURUSD.model_copy(update={**_ROUND, "spread_points": (0.6,) * 24})
GER40 = bar_strategies.GER40.model_copy(update={**_ROUND, "spread_points": (1.5,) * 24})


def doubled(instrument: Instrument) -> Instrument:
    """Return the instrument of a market whose prices are all twice as high."""
    return instrument.model_copy(
        update={"point": 2 * instrument.point, "tick_size": 2 * instrument.tick_size}
    )


def random_bars(rng: np.random.Generator, timeframe: Timeframe, days: int) -> pd.DataFrame:
    """Return weekdays of a wavy random walk around 100, with holes here and there."""
    start = pd.Timestamp("2024-03-18", tz="UTC") + pd.Timedelta(days=int(rng.integers(0, 5)))
    n = days * 24 * 60 // timeframe.minutes
    times = pd.date_range(start, periods=n, freq=f"{timeframe.minutes}min")
    step = rng.standard_t(4, n) * 0.004 * np.sqrt(timeframe.minutes)
    close = np.round(100 + np.cumsum(step) + 0.6 * np.sin(np.arange(n) / (n / days / 9)), 3)
    open_ = np.append(100.0, close[:-1]) + np.round(rng.normal(0, 0.002, n), 3)
    wick = np.round(np.abs(rng.normal(0, 0.004 * np.sqrt(timeframe.minutes), (2, n))), 3)
    high = np.maximum(open_, close) + wick[0]
    low = np.minimum(open_, close) - wick[1]
    spread = np.round(rng.uniform(0.002, 0.004, n), 4)
    spread[rng.random(n) < 0.01] = 0.02
    kept = (rng.random(n) > 0.01) & (times.day_of_week < 5)
    prices = np.column_stack([open_, high, low, close])
    frame = bar_frame(times, timeframe, prices, None, spread)
    return frame[kept].reset_index(drop=True)


TOY = EURUSD.model_copy(update={"symbol": "TOY", "point": 0.01, "tick_size": 0.001, "digits": 3})


def signals_of(
    bars: pd.DataFrame, spec: SetupSpec, trigger: Timeframe, instrument: Instrument, **options
) -> Found:
    """Run a setup from bars to signals."""
    frames = frames_for(bars, trigger, spec)
    tools = detect(frames, spec, trigger, instrument)
    return find_signals(frames, tools, spec, trigger, instrument, **options)
