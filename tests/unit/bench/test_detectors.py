"""What `make bench` measures of the detectors is all of them, as anyone would run them."""

import numpy as np
import pandas as pd

from bench.detectors import WINDOW, WINDOWS, whole_set, windows
from pipeline.detectors import all_detectors
from pipeline.domain.bars import validate_bars
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD, random_bars
from tests.kit.run_detector import as_frame, run_detector


def test_the_set_is_every_registered_detector_with_its_defaults() -> None:
    bars = random_bars(np.random.default_rng(7), 1500)
    found = whole_set(bars, EURUSD, Timeframe.M5)
    assert set(found) == {d.name for d in all_detectors()}
    for name, output in found.items():
        alone = run_detector(name, bars, Timeframe.M5, EURUSD)
        if isinstance(alone, np.ndarray):
            np.testing.assert_array_equal(output, alone)
        else:
            pd.testing.assert_frame_equal(as_frame(output), alone, check_exact=True)


def test_live_windows_are_bar_frames_from_first_to_last() -> None:
    bars = random_bars(np.random.default_rng(7), 9000)
    cut = windows(bars)
    assert len(cut) == WINDOWS
    for window in cut:
        assert len(validate_bars(window, Timeframe.M5)) == WINDOW
        assert window.index.equals(pd.RangeIndex(WINDOW))
    assert cut[0]["open_time"].iloc[0] == bars["open_time"].iloc[0]
    assert cut[-1]["close_time"].iloc[-1] >= bars["close_time"].iloc[-WINDOWS]
