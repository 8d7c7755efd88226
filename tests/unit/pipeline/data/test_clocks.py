"""Clock detection on real bars shifted to other wall clocks, and conversion both ways."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.clocks import CANDIDATES, detect_clock
from pipeline.data.zones import from_utc, parse_zone, to_utc
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.market import Timeframe
from tests.kit.bar_files import random_bars
from tests.kit.real_bars import real_bars

ZONES = [
    "UTC",
    "New York+7",
    "Europe/Athens",
    "London-5",
    "Europe/London",
    "UTC+3",
    "UTC+2",
    "Europe/Berlin",
    "UTC-5",
    "America/New_York",
]
YEARS = [
    ("eurusd_m1_histdata_2024H1", "fx"),
    ("eurusd_m15_mt5_2018-20", "fx"),
    ("ger40_m5_2025", "index_xetra"),
]


def guess_of(name, calendar, zone):
    bars, timeframe = real_bars(name)
    utc = epoch_seconds(bars["open_time"])
    wall = from_utc(utc, zone)
    return (
        detect_clock(wall, (bars["high"] - bars["low"]).to_numpy(), timeframe, calendar),
        wall,
        utc,
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("name", "calendar"), YEARS)
def test_a_year_names_its_clock_and_is_sure(name, calendar, zone):
    guess, wall, utc = guess_of(name, calendar, zone)
    assert zone in (guess.best.zone, *guess.best.also)
    assert guess.sure, guess.scores[:3]
    assert (to_utc(wall, guess.best.zone) == utc).all()


@pytest.mark.parametrize("zone", ZONES)
def test_seven_weeks_of_one_season_name_zones_that_convert_identically(zone):
    guess, wall, utc = guess_of("eurusd_m1_mt5_2020", "fx", zone)
    assert guess.sure
    assert zone in (guess.best.zone, *guess.best.also)
    assert (to_utc(wall, guess.best.zone) == utc).all()


@pytest.mark.parametrize("name", ["ger40_m1_ftmo_2025-01", "eurusd_m1_oanda_bidask_lean"])
def test_too_little_evidence_is_no_certainty(name):
    guess, _, _ = guess_of(name, "index_xetra" if name.startswith("ger") else "fx", "New York+7")
    assert not guess.sure


def test_shuffled_weeks_are_not_sure():
    bars = random_bars(5000, Timeframe.M15)
    guess = detect_clock(epoch_seconds(bars["open_time"]), np.ones(5000), Timeframe.M15, "fx")
    assert not guess.sure
    assert guess.evidence == 0


def test_crypto_cannot_tell():
    bars = random_bars(500)
    assert (
        detect_clock(
            epoch_seconds(bars["open_time"]), np.ones(500), Timeframe.M1, "crypto"
        ).best.score
        == 0
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [("ny+7", "New York+7"), ("New York + 7h", "New York+7"), ("America/New_York+7", "New York+7"), ("EST", "UTC-5"),
     ("GMT+2", "UTC+2"), ("utc", "UTC"), ("EET", "Europe/Athens"), ("London-5", "London-5"), ("Asia/Dubai", "Asia/Dubai"),
     ("UTC+03:00", "UTC+3"), ("berlin", "Europe/Berlin")],
)  # fmt: skip
def test_words_for_zones(text, word):
    assert parse_zone(text) == word
    assert parse_zone(word) == word


@pytest.mark.parametrize(
    "text", ["", "Mars", "UTC+99", "../etc/passwd", "New York+77", "+", "Europe/Berlin;x", "\x00"]
)
def test_nonsense_is_refused_with_examples(text):
    with pytest.raises(BadRequestError) as error:
        parse_zone(text)
    assert "New York+7" in error.value.closest


def test_hour_that_does_not_exist_is_refused():
    wall = np.array([pd.Timestamp("2025-03-30 02:30").value // 10**9])
    with pytest.raises(BadBarsError, match="doesn't exist"):
        to_utc(wall, "Europe/Berlin")


@given(
    st.sampled_from(CANDIDATES),
    st.lists(st.integers(1_500_000_000, 1_800_000_000), min_size=1, max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_wall_and_back_is_the_same_but_for_the_doubled_hour(zone, stamps):
    utc = np.sort(np.array(stamps, dtype="int64"))
    back = to_utc(from_utc(utc, zone), zone)
    assert np.isin(utc - back, [0, 3600]).all()
