"""Longer bars as minutes: what is made of them is what is made of the originals."""

import pandas as pd
from hypothesis import given, settings

from pipeline.data.clean import resample
from pipeline.data.minutes import as_minutes
from pipeline.domain.bars import validate_bars
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import bar_frames


@settings(max_examples=40, deadline=None)
@given(bar_frames(max_size=120))
def test_longer_bars_are_the_same(market):
    bars, base, _ = market
    minutes = validate_bars(as_minutes(bars, base), Timeframe.M1)
    assert list(minutes["close_time"]) == list(bars["close_time"])
    for timeframe in Timeframe:
        if timeframe.minutes >= base.minutes and base.minutes <= 60:
            made = resample(minutes, Timeframe.M1, timeframe)
            wanted = resample(bars, base, timeframe)
            pd.testing.assert_frame_equal(made, wanted, check_exact=True)
