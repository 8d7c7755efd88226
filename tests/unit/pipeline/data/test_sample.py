"""The made year: repeatable, valid, lifelike in shape."""

import asyncio

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.data.quality import assess
from pipeline.data.sample import make_sample
from pipeline.domain.bars import fingerprint, validate_bars
from pipeline.domain.market import Timeframe
from storage.instruments import YamlInstruments

TABLE = {i.symbol: i for i in asyncio.run(YamlInstruments().known())}


@pytest.fixture(scope="module", params=["GER40", "EURUSD"])
def made(request):
    return TABLE[request.param], make_sample(TABLE[request.param], 2025, np.random.default_rng(3))


def test_valid_and_nearly_complete(made):
    instrument, bars = made
    validate_bars(bars, Timeframe.M1)
    report = assess(bars, Timeframe.M1, instrument)
    assert report.score > 0.99
    assert len(bars) > 300_000
    assert bars["open_time"].dt.year.unique().tolist() == [2025]


def test_prices_and_spreads_lie_on_the_tick_grid(made):
    instrument, bars = made
    for name in ("open", "high", "low", "close", "spread"):
        ticks = bars[name] / instrument.tick_size
        assert np.abs(ticks - ticks.round()).max() < 1e-4
    assert (bars["spread"] > 0).all()
    assert (bars["volume"] >= 1).all()


def test_lifelike(made):
    _, bars = made
    moves = np.log(bars["close"]).diff().dropna()
    assert 5 < moves.kurt() < 1000
    assert moves.abs().autocorr(30) > 0.05
    daily = resample(bars, Timeframe.M1, Timeframe.D1)
    usual = ((daily["high"] - daily["low"]) / daily["close"]).median()
    assert 0.003 < usual < 0.03
    zone = "Europe/Berlin"
    hour = bars["open_time"].dt.tz_convert(zone).dt.hour
    ranges = (bars["high"] - bars["low"]).groupby(hour).mean()
    assert ranges[9] > 1.5 * ranges[5]


@pytest.mark.slow
def test_same_seed_same_bars_other_seed_others():
    instrument = TABLE["EURUSD"]
    one, two, other = (make_sample(instrument, 2024, np.random.default_rng(s)) for s in (1, 1, 2))
    assert fingerprint(one) == fingerprint(two) != fingerprint(other)


@pytest.mark.parametrize("symbol", ["BTCUSD", "XAUUSD", "USDJPY", "US500"])
def test_every_calendar_can_be_made(symbol):
    bars = make_sample(TABLE[symbol], 2024, np.random.default_rng(1))
    validate_bars(bars, Timeframe.M1)
    assert isinstance(bars, pd.DataFrame)
