"""Resampling: equal to nested real files, causal, on the house's grid."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.clean import bin_opens, resample
from pipeline.domain.bars import PRICES, empty_bars, validate_bars
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from tests.kit.bar_files import random_bars
from tests.kit.real_bars import real_bars


@pytest.mark.parametrize(
    ("to", "name"),
    [(Timeframe.M5, "eurusd_m5_mt5_2020"), (Timeframe.M15, "eurusd_m15_mt5_2018-20")],
)
def test_real_minutes_make_the_real_longer_bars(to, name):
    minutes, source = real_bars("eurusd_m1_mt5_2020")
    wanted, _ = real_bars(name)
    made = resample(minutes, source, to).iloc[1:]  # the first bin is cut by the file's start
    inside = wanted["open_time"].between(made["open_time"].iloc[0], made["open_time"].iloc[-1])
    wanted = wanted[inside].reset_index(drop=True)
    assert len(wanted) > 3000
    for column in ("open_time", "close_time", *PRICES, "volume"):
        assert (
            made[column].reset_index(drop=True).equals(wanted[column].astype(made[column].dtype))
        ), column


def test_same_timeframe_is_the_same_frame():
    bars = random_bars(10)
    assert resample(bars, Timeframe.M1, Timeframe.M1) is bars


def test_shorter_is_refused_and_empty_stays_empty():
    with pytest.raises(BadBarsError, match="shorter"):
        resample(random_bars(10, Timeframe.M5), Timeframe.M5, Timeframe.M1)
    assert resample(empty_bars(), Timeframe.M1, Timeframe.H4).empty


@given(
    st.integers(1, 400),
    st.sampled_from([Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4]),
    st.integers(0, 3000),
)
@settings(max_examples=40, deadline=None)
def test_only_finished_bins_and_never_another_value_later(count, to, shift):
    start = pd.Timestamp("2025-03-07 18:00") + pd.Timedelta(minutes=shift)
    bars = random_bars(900, start=str(start))
    part, whole = (
        resample(bars.iloc[:count].reset_index(drop=True), Timeframe.M1, to),
        resample(bars, Timeframe.M1, to),
    )
    validate_bars(part, to)
    assert (part["close_time"] <= bars["close_time"].iloc[count - 1]).all()
    pd.testing.assert_frame_equal(part, whole.iloc[: len(part)])
    known = whole["close_time"] <= bars["close_time"].iloc[count - 1]
    assert len(part) == known.sum()


def test_volume_adds_up_and_spread_is_the_mean_of_the_known():
    bars = random_bars(5, start="2024-03-04 08:00")
    bars["spread"] = [np.nan, 0.2, np.nan, 0.4, np.nan]
    made = resample(bars, Timeframe.M1, Timeframe.M5)
    assert made["volume"].iloc[0] == bars["volume"].sum()
    assert made["spread"].iloc[0] == pytest.approx(0.3)
    bars["spread"] = np.nan
    assert resample(bars, Timeframe.M1, Timeframe.M5)["spread"].isna().all()


def test_days_roll_at_17_new_york_through_clock_changes():
    stamps = pd.to_datetime(
        ["2025-03-07 21:59", "2025-03-07 22:00", "2025-03-10 20:59", "2025-03-10 21:00"]
    )
    made = (
        bin_opens(stamps.as_unit("s").asi8, Timeframe.D1)
        .astype("datetime64[s]")
        .astype(str)
        .tolist()
    )
    assert made == [
        "2025-03-06T22:00:00",
        "2025-03-07T22:00:00",
        "2025-03-09T21:00:00",
        "2025-03-10T21:00:00",
    ]


@pytest.mark.parametrize("day", ["2025-03-08", "2025-11-01"])
@pytest.mark.parametrize("to", [Timeframe.H4, Timeframe.D1])
def test_no_bar_outlasts_its_close_when_clocks_change_in_an_open_market(day, to):
    bars = random_bars(4 * 1440, start=day)
    bins = bin_opens(bars["open_time"].dt.as_unit("s").astype("int64").to_numpy(), to)
    lasts = bars["close_time"].dt.as_unit("s").astype("int64").to_numpy()
    assert (lasts <= bins + to.minutes * 60).all()
    validate_bars(resample(bars, Timeframe.M1, to), to)
