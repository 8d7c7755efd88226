"""The full set of detectors: every registered one, with its defaults, on one core."""

from typing import Any

import pandas as pd

from bench.timing import best, median
from pipeline.detectors import all_detectors, get
from pipeline.detectors.base import DEFAULT_INPUTS, Found
from pipeline.domain.bars import BarColumns
from pipeline.domain.market import Instrument, Timeframe

BARS = 100_000
WINDOW = 5_000
WINDOWS = 15
WINDOW_ROUNDS = 20
LIMIT_MS, WINDOW_LIMIT_MS = 100, 8


def whole_set(
    bars: pd.DataFrame, instrument: Instrument, timeframe: Timeframe
) -> dict[str, Found]:
    """Run every registered detector once, inputs before what reads them."""
    found: dict[str, Found] = {}
    columns = BarColumns.of(bars)

    def run(name: str) -> Found:
        if name not in found:
            detector = get(name)
            inputs = {wanted: run(DEFAULT_INPUTS[wanted]) for wanted in detector.inputs}
            found[name] = detector.detect(
                columns, detector.parameters(), inputs, instrument, timeframe
            )
        return found[name]

    for detector in all_detectors():
        run(detector.name)
    return found


def windows(bars: pd.DataFrame) -> list[pd.DataFrame]:
    """Return live windows spread over the bars, each a frame of its own as a buffer gives it."""
    step = (len(bars) - WINDOW) // (WINDOWS - 1)
    starts = [step * i for i in range(WINDOWS)]
    return [bars.iloc[s : s + WINDOW].reset_index(drop=True) for s in starts]


def measure(bars: pd.DataFrame, instrument: Instrument) -> dict[str, dict[str, Any]]:
    """Return both figures: the best of some rounds, and of the windows the one in the middle."""
    many = bars.iloc[:BARS].reset_index(drop=True)
    seconds = best(lambda: whole_set(many, instrument, Timeframe.M1))
    live = [best(lambda w=w: whole_set(w, instrument, Timeframe.M1)) for w in windows(bars)]
    count = f"all {len(all_detectors())} detectors"
    return {
        "detectors_100k_ms": {
            "value": 1000 * seconds,
            "unit": "ms",
            "limit": LIMIT_MS,
            "peers": {},
            "note": f"{count}, {BARS:,} M1 bars",
        },
        "live_window_ms": {
            "value": 1000 * median(live),
            "unit": "ms",
            "limit": WINDOW_LIMIT_MS,
            "peers": {},
            "note": f"{count}, median of {WINDOWS} windows of {WINDOW:,} M1 bars",
        },
    }
