"""Features of live signals are the backtest's, to the last bit, on real days."""

import numpy as np
import pytest

from pipeline.data.clean import resample
from pipeline.domain.market import Timeframe
from pipeline.live import scanning
from pipeline.live.scanning import SymbolScan, m1_bars_needed
from pipeline.ml.features import FEATURES, FeatureBars, features_of
from tests.kit.live_days import SETUPS, TRIGGERS, thin
from tests.kit.minutes import minutes_of
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, signals_of

DAY = 1440
DAYS = 32


def eurusd():
    bars, _ = real_bars("eurusd_m1_histdata_2024H1")
    return bars[: DAYS * DAY].reset_index(drop=True), EURUSD


def ger40():
    bars, timeframe = real_bars("ger40_m5_2025")
    bars = bars[: DAYS * 288].reset_index(drop=True)
    return minutes_of(bars, timeframe, np.random.default_rng(1)), GER40


def backtested(bars, instrument, first):
    """Vectors of a backtest over all bars, by what names a signal."""
    found, since = {}, bars["open_time"].iloc[first]
    for trigger in TRIGGERS:
        at_hand = FeatureBars.of(bars, trigger)
        made = resample(bars, Timeframe.M1, trigger)
        for spec in {spec.setup_id: spec for spec, _ in SETUPS}.values():
            said = signals_of(made, spec, trigger, instrument)
            for signal, plan in zip(said.signals, said.plans, strict=True):
                if signal.known_at > since:
                    frames = at_hand.at(signal.known_at)
                    found[name_of(signal)] = features_of(signal, plan, frames, instrument)
    return found


def name_of(signal):
    return signal.setup_id, signal.tf, signal.known_at, signal.side


@pytest.mark.parametrize("market", [eurusd, ger40])
@pytest.mark.parametrize("holes", [False, True])
def test_live_features_are_the_backtests(market, holes):
    rng = np.random.default_rng(5)
    bars, instrument = market()
    bars = thin(bars, rng) if holes else bars
    first = len(bars) - 3 * DAY
    scan, live, row = SymbolScan(instrument, SETUPS), {}, first
    scan.seed(bars[max(0, first - m1_bars_needed(SETUPS)) : first])
    while row < len(bars):
        part = bars[row : row + int(rng.choice([1, 1, 2, 30]))].reset_index(drop=True)
        row += len(part)
        until = part["close_time"].iloc[-1].to_pydatetime() if rng.random() < 0.7 else None
        for one in scan.advance(part, until):
            assert len(one.features) == len(one.signals)
            assert one.featureless == ()
            vectors = zip(one.signals, one.features, strict=True)
            live |= {name_of(signal): vector for (signal, _), vector in vectors}
    assert live == backtested(bars, instrument, first)
    assert len(live) >= 4
    known = sum(v is not None for vector in live.values() for v in vector.values())
    assert known > 0.75 * len(live) * len(FEATURES)


def test_features_that_fail_hold_no_signal_back(monkeypatch):
    bars, instrument = eurusd()
    first = len(bars) - DAY
    scans = []
    for fails in (False, True):
        if fails:
            monkeypatch.setattr(scanning, "features_of", lambda *_: 1 / 0)
        scan = SymbolScan(instrument, SETUPS)
        scan.seed(bars[:first])
        scans.append(scan.advance(bars[first:].reset_index(drop=True)))
    for whole, bare in zip(*scans, strict=True):
        assert bare.signals == whole.signals
        assert bare.failed == whole.failed
        assert bare.features == (None,) * len(bare.signals)
        assert len(bare.featureless) == len(bare.signals)
        assert all("ZeroDivisionError" in why for why in bare.featureless)
    assert sum(len(one.signals) for one in scans[0]) > 0
