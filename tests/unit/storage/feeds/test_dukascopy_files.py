"""Dukascopy's files and answers: read as a plain reader reads them, and damage is told as such."""

import json
import struct
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.bars import PRICES
from pipeline.domain.errors import BadBarsError
from pipeline.domain.source import SourceSymbol
from storage.feeds.dukascopy_api import read_answer_of_candles, read_answer_of_ticks
from storage.feeds.dukascopy_bars import bars_of, minutes_of, priced
from storage.feeds.dukascopy_files import (
    candles_of_ticks,
    read_candles,
    read_ticks,
    traded,
)
from storage.feeds.patient_http import NotWholeError
from tests.kit.dukascopy import (
    bi5,
    candle_answer,
    candle_file,
    candles,
    made_ticks,
    tick_answer,
    tick_file,
)
from tests.kit.real_bars import real_bars

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

rows_of_a_day = st.lists(
    st.tuples(
        st.integers(0, 1439), st.integers(1, 2**31), st.integers(1, 2**31),
        st.integers(1, 2**31), st.integers(1, 2**31),
        st.floats(0, 1e6, width=32),
    ),
    max_size=30, unique_by=lambda row: row[0],
).map(sorted)  # fmt: skip


@quick
@given(rows_of_a_day)
def test_candles_are_what_was_written_and_fillers_go(rows):
    file = bi5(b"".join(struct.pack(">5If", row[0] * 60, *row[1:]) for row in rows))
    found = read_candles(file)
    assert found.at.tolist() == [row[0] * 60 for row in rows]
    wanted = [[o, h, low, c] for _, o, c, low, h, _ in rows]
    assert found.prices.tolist() == wanted
    assert found.volume.tolist() == [row[5] for row in rows]
    kept = [row[0] * 60 for row in rows if row[5] > 0 or len(set(row[1:5])) > 1]
    assert traded(found).at.tolist() == kept


@quick
@given(st.binary(max_size=200), st.integers(0, 10**6))
def test_damage_is_told_as_damage_and_nothing_else(noise, seed):
    whole = candle_file(made_ticks(MONDAY, 1), MONDAY.date(), "BID")
    rng = np.random.default_rng(seed)
    hit = bytearray(whole)
    hit[int(rng.integers(len(hit)))] ^= 1 << int(rng.integers(8))
    for data in (noise, bytes(hit), whole[: int(rng.integers(1, len(whole)))]):
        for read in (read_candles, read_ticks):
            try:
                found = read(data)
            except (NotWholeError, BadBarsError):
                continue
            assert found.at.dtype == "int64"


@quick
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["times", "opens", "highs", "lows", "closes", "volumes", "open", "shift",
                         "timestamp", "multiplier", "bids", "asks", "bidVolumes", "askVolumes"]),
        inner, max_size=9),
    max_leaves=12,
).map(lambda found: json.dumps(found).encode()))  # fmt: skip
def test_an_answer_of_any_shape_is_read_or_told(data):
    for read in (read_answer_of_candles, read_answer_of_ticks):
        try:
            found = read(data, MONDAY)
        except (NotWholeError, BadBarsError):
            continue
        assert found.at.dtype == "int64"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"times": [1%s], "opens": [1], "highs": [1], "lows": [1], "closes": [1], "volumes": [1]}'
        % (b"0" * 400),
        (
            b'{"times": [0], "opens": [1e300], "highs": [0], "lows": [0], "closes": [0], "volumes": [1],'
            b' "timestamp": 1709510400000, "shift": 60000, "multiplier": 1, "open": 1, "high": 1,'
            b' "low": 1, "close": 1}'
        ),
        b'{"times": [0], "opens": [0], "highs": [0], "lows": [0], "closes": [0], "volumes": [1],'
        b' "timestamp": 1%s, "shift": 1, "multiplier": 1}' % (b"0" * 400),
    ],
)
def test_figures_beyond_all_measure_are_told(data):
    with pytest.raises((NotWholeError, BadBarsError)):
        read_answer_of_candles(data, MONDAY)


@quick
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_candles_of_ticks_are_those_of_the_day(seed, a_minute):
    ticks = made_ticks(MONDAY, 3, seed=seed, a_minute=a_minute)
    for side in ("bid", "ask"):
        of_day = traded(read_candles(candle_file(ticks, MONDAY.date(), side.upper())))
        parts = [
            candles_of_ticks(
                read_ticks(tick_file(ticks, MONDAY + timedelta(hours=hour))), hour, side=side
            )
            for hour in range(3)
        ]
        assert np.concatenate([part.at for part in parts]).tolist() == of_day.at.tolist()
        assert np.concatenate([p.prices for p in parts]).tolist() == of_day.prices.tolist()
        assert np.concatenate([p.volume for p in parts]).tolist() == of_day.volume.tolist()


@pytest.mark.parametrize(
    ("step", "level"), [(0.00001, 110_366), (0.001, 22_345_678), (0.1, 968_244)]
)
def test_the_api_s_differences_add_up_to_the_files_whole_numbers(step, level):
    ticks = made_ticks(MONDAY, 24, level=level)
    for side in ("BID", "ASK"):
        of_file = traded(read_candles(candle_file(ticks, MONDAY.date(), side)))
        of_api = read_answer_of_candles(candle_answer(ticks, MONDAY.date(), side, step), MONDAY)
        assert of_api.at.tolist() == of_file.at.tolist()
        assert of_api.prices.tolist() == of_file.prices.tolist()
        assert of_api.step == step
    hour = MONDAY + timedelta(hours=7)
    one = read_ticks(tick_file(ticks, hour))
    other = read_answer_of_ticks(tick_answer(ticks, hour, step), hour)
    for name in ("at", "bid", "ask", "bid_volume", "ask_volume"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


def test_prices_are_the_floats_nearest_to_their_decimals():
    whole = np.arange(100_000, 130_000)
    assert priced(whole, 0.00001).tolist() == [
        float(f"{n // 100_000}.{n % 100_000:05d}") for n in whole
    ]
    assert priced(np.array([3]), 0.75).tolist() == [2.25]


def test_bars_of_a_real_day_survive_the_way_through_a_file():
    real, _ = real_bars("de30eur_m1_oanda_bidask_2019-02")
    day = date(2019, 2, 21)
    begin = datetime(2019, 2, 21, tzinfo=UTC)
    real = real[(real["open_time"] >= begin) & (real["open_time"] < begin + timedelta(days=1))]
    points = np.round(real[[*PRICES]].to_numpy() * 1000)
    seconds = real["open_time"].astype("int64").to_numpy() // 10**6
    at = seconds[:, None] * 1000 + np.array([0, 1, 2, 59_000])
    gap = np.round(real["spread"].to_numpy() * 1000)[:, None]
    lots = np.full(at.size, 0.25)
    ticks = np.column_stack([at.ravel(), points.ravel(), (points + gap).ravel(), lots, lots])
    bid, ask = (read_candles(candle_file(ticks, day, side)) for side in ("BID", "ASK"))
    symbol = SourceSymbol(symbol="GER40", name="DEUIDXEUR", scale=0.001)
    found = bars_of(
        symbol, [minutes_of(symbol, begin, bid, ask)], begin, begin + timedelta(days=1)
    )
    assert len(bid.at) == 1440 > len(found) == len(real) > 1000
    for name in PRICES:
        assert found[name].tolist() == np.round(real[name], 3).tolist()
    assert np.allclose(found["spread"], real["spread"].round(3), atol=1e-9)


def test_a_size_that_there_cannot_be_is_not_unpacked():
    with pytest.raises(BadBarsError, match="more than there can be"):
        read_candles(bi5(b"\0" * 40_000_000))


def test_fillers_of_the_kit_are_what_files_hold():
    day = candles(made_ticks(MONDAY, 2), MONDAY.date(), "BID")
    assert len(day) == 1440
    assert (day[200:, 5] == 0).all()
    assert (day[200:, 1] == day[200:, 4]).all()
