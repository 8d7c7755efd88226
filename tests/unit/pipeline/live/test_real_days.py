"""Live equals backtest on real days: four setups on three timeframes, all of one symbol at once."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.domain.market import Timeframe
from pipeline.live.scanning import SymbolScan
from tests.kit.live_days import SETUPS, backtested, said, thin
from tests.kit.minutes import minutes_of
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40

pytestmark = pytest.mark.slow
DAY = 1440


def eurusd():
    bars, _ = real_bars("eurusd_m1_histdata_2024H1")
    return bars[: 48 * DAY], EURUSD


def ger40():
    """Return a real index, its M5 bars taken apart into minutes."""
    bars, timeframe = real_bars("ger40_m5_2025")
    bars = bars[: 48 * 288].reset_index(drop=True)
    minutes = minutes_of(bars, timeframe, np.random.default_rng(1))
    pd.testing.assert_frame_equal(resample(minutes, Timeframe.M1, timeframe)[:-1], bars[:-1])
    return minutes, GER40


MARKETS = {"eurusd": eurusd, "ger40": ger40}
markets = pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS.keys())


@markets
def test_one_bar_at_a_time(market):
    """The feed's clock is told with each minute, as the scanner tells it."""
    bars, instrument = market()
    first, pairs, late = len(bars) - 6 * DAY, [], 0
    scan = SymbolScan(instrument, SETUPS)
    scan.seed(bars[:first], until=bars["open_time"].iloc[first].to_pydatetime())
    for row in range(first, len(bars)):
        now = bars["close_time"].iloc[row].to_pydatetime()
        for one in scan.advance(bars[row : row + 1], until=now):
            late += any(signal.known_at != one.close for signal, _ in one.signals)
            pairs += one.signals
    assert said(pairs) == said(backtested(bars, first, len(bars) - 1, instrument))
    assert len(pairs) >= 15
    assert late == 0


@markets
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_drawn_pieces_with_gaps_after_a_seed_at_a_drawn_place(market, seed):
    rng = np.random.default_rng(seed)
    bars, instrument = market()
    bars = thin(bars, rng)
    first = int(rng.integers(len(bars) - 5 * DAY, len(bars) - 2 * DAY))
    scan, pairs, row = SymbolScan(instrument, SETUPS), [], first
    scan.seed(bars[:first])
    while row < len(bars):
        step = int(rng.choice([1, 1, 1, 3, 40, 600]))
        part = bars[row : row + step].reset_index(drop=True)
        row += len(part)
        told = rng.random() < 0.5
        until = part["close_time"].iloc[-1].to_pydatetime() if told else None
        pairs += [pair for one in scan.advance(part, until) for pair in one.signals]
    assert said(pairs) == said(backtested(bars, first, len(bars) - 1, instrument))
    assert len(pairs) >= 3


def test_a_broker_s_minutes_of_an_index():
    bars, _ = real_bars("ger40_m1_ftmo_2025-01")
    before, timeframe = real_bars("ger40_m5_2025")
    start = bars["open_time"].iloc[0]
    before = before[before["close_time"] <= start].reset_index(drop=True)
    history = minutes_of(before, timeframe, np.random.default_rng(2))
    whole = pd.concat([history, bars], ignore_index=True)
    scan, pairs = SymbolScan(GER40, SETUPS), []
    scan.seed(history)
    for row in range(len(history), len(whole)):
        pairs += [pair for one in scan.advance(whole[row : row + 1]) for pair in one.signals]
    assert said(pairs) == said(backtested(whole, len(history), len(whole) - 1, GER40))
    assert pairs
