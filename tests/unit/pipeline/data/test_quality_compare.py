"""Closes of two sources: planted shifts and wrong prices are found, the parts cost what they say."""

import asyncio
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.quality import assess
from pipeline.data.quality_compare import SPAN, agreement, lag_minutes, sample_days
from pipeline.data.quality_parts import Compared, parts_of, score_of, volume_share, wild_days
from pipeline.domain.bars import PRICES, bar_frame
from pipeline.domain.data_quality import Agreement
from pipeline.domain.market import Timeframe
from storage.instruments import YamlInstruments
from tests.kit.real_bars import real_bars
from tests.kit.source_worlds import NOW, walk_bars

M1, M5 = Timeframe.M1, Timeframe.M5
EURO, DAX = (asyncio.run(YamlInstruments().get(name)) for name in ("EURUSD", "GER40"))
WALK = walk_bars(NOW - timedelta(days=9), NOW)


def of_day(bars, day, around=timedelta(0)):
    start = pd.Timestamp(day, tz="UTC")
    wanted = bars["open_time"].between(
        start - around, start + timedelta(days=1) + around, inclusive="left"
    )
    return bars[wanted].reset_index(drop=True)


def moved(bars, minutes):
    delta = timedelta(minutes=minutes)
    return bars.assign(open_time=bars["open_time"] + delta, close_time=bars["close_time"] + delta)


def pairs(held, other, days):
    return [(day, of_day(held, day, SPAN), of_day(other, day)) for day in days]


@settings(max_examples=25, deadline=None)
@given(minutes=st.integers(-180, 180), offset=st.floats(-0.01, 0.01))
def test_any_shift_is_found_whatever_the_level(minutes, offset):
    day = date(2025, 3, 5)
    late = moved(WALK, minutes)
    late["close"] += offset
    assert lag_minutes(of_day(late, day, SPAN), of_day(WALK, day), M1) == minutes


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(6, 10_000))
def test_bars_that_have_nothing_in_common_are_not_called_shifted(seed):
    day = date(2025, 3, 5)
    other = walk_bars(NOW - timedelta(days=8), NOW - timedelta(days=6), seed)
    assert lag_minutes(of_day(WALK, day, SPAN), of_day(other, day), M1) == 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), count=st.integers(0, 12))
def test_sampled_days_are_full_and_the_same_for_a_seed(seed, count):
    quality = assess(WALK, M1, EURO)
    one, two = (sample_days(quality, count, np.random.default_rng(seed)) for _ in range(2))
    assert one == two == sorted(set(one)) and len(one) <= count
    shares = dict(quality.coverage)
    assert all(shares[str(day)] >= 0.9 * max(shares.values()) for day in one)


def test_an_hours_shift_of_real_bars_is_found_and_undone():
    bars, timeframe = real_bars("eurusd_m1_histdata_2024H1")
    days = sample_days(assess(bars, timeframe, EURO), 3, np.random.default_rng(3))
    same = agreement(pairs(bars, bars, days), timeframe, EURO)
    assert same is not None and (same.median, same.worst, same.within, same.lags) == (0, 0, 1, ())
    late = agreement(pairs(moved(bars, 60), bars, days), timeframe, EURO)
    assert late is not None and late.lags == tuple((day, 60) for day in days)
    assert (late.worst, late.within) == (0, 1)


def test_wrong_prices_among_real_bars_are_found_and_are_no_shift():
    bars, timeframe = real_bars("eurusd_m1_histdata_2024H1")
    days = sample_days(assess(bars, timeframe, EURO), 3, np.random.default_rng(3))
    wrong = bars.copy()
    wrong.loc[np.random.default_rng(1).random(len(bars)) < 0.1, list(PRICES)] += 0.0050
    found = agreement(pairs(wrong, bars, days), timeframe, EURO)
    assert found is not None and found.lags == () and found.median == 0
    assert found.worst == pytest.approx(50, abs=0.01)
    assert 0.08 < found.beyond < 0.12 and found.within == pytest.approx(1 - found.beyond)


def test_two_brokers_real_bars_agree_about_as_far_as_the_spread():
    minutes, _ = real_bars("ger40_m1_ftmo_2025-01")
    others, _ = real_bars("ger40_m5_2025")
    rule = {"open": "first", "high": "max", "low": "min", "close": "last"}
    five = minutes.set_index("open_time").resample("5min").agg(rule).dropna()
    held = bar_frame(
        pd.DatetimeIndex(five.index), M5, five[list(PRICES)].to_numpy(), np.ones(len(five)), None
    )
    found = agreement(pairs(held, others, [date(2025, 1, 30)]), M5, DAX)
    assert found is not None and found.lags == () and found.beyond == 0
    assert found.within > 0.5 and found.median < 4


def test_too_few_common_bars_are_no_comparison():
    few = WALK.head(29)
    assert agreement([(date(2025, 3, 3), few, few)], M1, EURO) is None
    assert agreement([], M1, EURO) is None


def test_days_without_volume_and_wild_days_are_counted():
    days = WALK["open_time"].dt.date
    first, last = days.iloc[0], days.iloc[-1]
    assert volume_share(WALK) == 1 and wild_days(WALK)[0] == 0
    silent = WALK.assign(volume=WALK["volume"].where(days != last, 0.0))
    assert volume_share(silent) == pytest.approx(1 - 1 / days.nunique())
    assert volume_share(WALK.assign(volume=0.0)) is None and volume_share(WALK.head(0)) is None
    wild = WALK.copy()
    wild.loc[wild.index[days == first][5], "high"] += 5
    assert wild_days(wild) == (1, days.nunique())
    assert wild_days(WALK.head(10)) == (0, 1) and wild_days(WALK.head(0)) == (0, 0)


def test_the_score_is_one_less_the_costs_and_a_shift_costs():
    quality = assess(WALK, M1, EURO)
    plain = parts_of(quality, WALK, 0, Compared(said="none"))
    assert score_of(plain) == pytest.approx(quality.score, abs=2e-4)
    told = Agreement(
        days=2, bars=99, median=0.1, worst=3.0, within=0.9, beyond=0.0,
        lags=((date(2025, 3, 5), 60),),
    )  # fmt: skip
    worse = parts_of(quality, WALK, 10_000, Compared("Other", told))
    assert score_of(plain) - score_of(worse) == pytest.approx(
        0.2, abs=1e-4
    )  # waiting 0.1, shift 0.1
    assert "looks shifted by 60 minutes (2025-03-05)" in worse[-1].said
