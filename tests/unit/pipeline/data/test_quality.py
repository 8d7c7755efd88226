"""Quality: what is missing, frozen or spiked is counted, and good real bars score high."""

import asyncio

import numpy as np
import pandas as pd
import pytest

from pipeline.data.quality import assess
from pipeline.domain.bars import empty_bars
from pipeline.domain.market import Timeframe
from storage.instruments import YamlInstruments
from tests.kit.bar_files import random_bars
from tests.kit.real_bars import real_bars

TABLE = {i.symbol: i for i in asyncio.run(YamlInstruments().known())}
FX = TABLE["EURUSD"]


@pytest.mark.parametrize(
    ("name", "symbol", "low"),
    [
        ("eurusd_m1_histdata_2024H1", "EURUSD", 0.98),
        ("ger40_m5_2025", "GER40", 0.98),
        ("eurusd_m15_mt5_2018-20", "EURUSD", 0.98),
    ],
)
def test_good_real_bars_score_high(name, symbol, low):
    bars, timeframe = real_bars(name)
    report = assess(bars, timeframe, TABLE[symbol])
    assert low < report.score <= 1
    assert report.spikes <= 2
    assert len(report.coverage) > 100


def test_a_whole_week_is_perfect():
    report = assess(random_bars(2000), Timeframe.M1, FX)
    assert (report.score, report.missing, report.gap_count) == (1, 0, 0)
    assert report.has_spread
    assert report.has_volume


def test_a_hole_is_a_gap_with_its_bounds():
    bars = random_bars(2000).drop(range(500, 560)).reset_index(drop=True)
    report = assess(bars, Timeframe.M1, FX)
    assert report.missing == 60
    assert [(g.missing, g.start, g.end) for g in report.gaps] == [
        (
            60,
            bars["close_time"].iloc[499].to_pydatetime(),
            bars["open_time"].iloc[500].to_pydatetime(),
        )
    ]
    assert report.score == pytest.approx(1940 / 2000, abs=1e-3)


def test_minutes_without_a_tick_are_missing_but_no_gap():
    report = assess(random_bars(2000).drop([7, 99, 1000]).reset_index(drop=True), Timeframe.M1, FX)
    assert (report.missing, report.gap_count) == (3, 0)


def test_weekends_are_not_expected():
    bars = pd.concat(
        [random_bars(60, start="2024-03-08 21:00"), random_bars(60, start="2024-03-10 21:00")],
        ignore_index=True,
    )
    assert assess(bars, Timeframe.M1, FX).missing == 0


def test_frozen_bars_and_spikes_cost_score():
    bars = random_bars(1000)
    bars.loc[100:180, ["open", "high", "low", "close"]] = bars["close"].iloc[99]
    bars.loc[600, "high"] = bars["high"].iloc[600] * 1.05
    report = assess(bars, Timeframe.M1, FX)
    assert report.frozen == 81
    assert report.spikes == 1
    assert report.score < 0.7


def test_faults_of_the_reader_cost_score():
    bars = random_bars(1000)
    assert assess(bars, Timeframe.M1, FX, duplicates=20, impossible=20).score == pytest.approx(0.8)


def test_no_bars_and_one_bar():
    assert assess(empty_bars(), Timeframe.M1, FX).score == 0
    assert assess(random_bars(1), Timeframe.M1, FX).score == 1


@pytest.mark.parametrize("timeframe", Timeframe)
def test_every_timeframe(timeframe):
    report = assess(
        random_bars(30, timeframe, start="2024-05-06 21:00"), timeframe, TABLE["BTCUSD"]
    )
    assert report.missing == 0
    assert report.score == 1


def test_hours_a_source_never_has_are_named_not_counted():
    bars, timeframe = real_bars("ger40_m5_2025")
    hour = bars["open_time"].dt.tz_convert("Europe/Berlin").dt.hour
    report = assess(bars[hour >= 8].reset_index(drop=True), timeframe, TABLE["GER40"])
    assert report.score > 0.98
    assert "07:00" in report.notes[0]


def test_missing_cash_hours_do_count():
    bars, timeframe = real_bars("ger40_m5_2025")
    keep = np.arange(len(bars)) % 3 != 0
    assert assess(bars[keep].reset_index(drop=True), timeframe, TABLE["GER40"]).score < 0.7
