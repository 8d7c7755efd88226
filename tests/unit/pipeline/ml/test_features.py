"""Features: pure functions of a fixed number of bars closed by the signal's close."""

import hashlib
import json
from math import isfinite, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.domain.market import Timeframe
from pipeline.ml.features import (
    FEATURE_VERSION,
    FEATURE_WORDS,
    FEATURES,
    FeatureBars,
    features_of,
    frames_at,
    m1_bars_for,
    windows_for,
)
from tests.kit.feature_cases import MARKETS, cases_of, doubled_case, market_bars
from tests.kit.setups import LIBRARY, TOY, random_bars, signals_of

SYMBOLS = ("EURUSD", "GER40")
GOLDEN = {"1": "d54e9fc61cb05688"}
"""By version, the fingerprint of all vectors of one seeded market."""


def some(symbol, count, seed=1):
    cases = cases_of(symbol)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(cases), min(count, len(cases)), replace=False)
    return [cases[i] for i in chosen]


@pytest.fixture(scope="module", params=SYMBOLS)
def symbol(request):
    return request.param


@pytest.fixture(scope="module")
def at_hand(symbol):
    bars, _ = market_bars(symbol)
    triggers = {s.tf for s, _ in cases_of(symbol)}
    return {trigger: FeatureBars.of(bars, trigger) for trigger in triggers}


def test_every_setup_and_trigger_has_vectors_and_every_feature_comes_up(symbol, at_hand):
    seen: dict[str, set] = {name: set() for name in FEATURES}
    places = set()
    for signal, plan in cases_of(symbol):
        frames = at_hand[signal.tf].at(signal.known_at)
        found = features_of(signal, plan, frames, MARKETS[symbol])
        assert tuple(found) == FEATURES
        assert all(v is None or (type(v) is float and isfinite(v)) for v in found.values())
        places.add((signal.setup_id, signal.tf))
        for name, value in found.items():
            seen[name].add(value)
    assert {setup for setup, _ in places} == set(LIBRARY)
    assert {tf for _, tf in places} == set(at_hand)
    alike = [name for name, values in seen.items() if len(values - {None}) < 2]
    assert alike == []


def test_bars_after_the_signal_change_nothing(symbol, at_hand):
    bars, base = market_bars(symbol)
    for signal, plan in some(symbol, 25):
        long = at_hand[signal.tf].at(signal.known_at)
        whole = {t: resample(bars, base, t) for t in windows_for(signal.tf)}
        cut = frames_at(bars, signal.tf, signal.known_at)
        found = [features_of(signal, plan, f, MARKETS[symbol]) for f in (long, whole, cut)]
        assert found[0] == found[1] == found[2]


def test_the_last_bars_alone_give_what_all_of_history_gives(symbol, at_hand):
    for signal, plan in some(symbol, 40, seed=2):
        frames = at_hand[signal.tf].at(signal.known_at)
        exact = {
            t: pd.DataFrame({c: frames[t][c] for c in _COLUMNS})[-n:].reset_index(drop=True)
            for t, n in windows_for(signal.tf).items()
        }
        whole = features_of(signal, plan, frames, MARKETS[symbol])
        assert features_of(signal, plan, exact, MARKETS[symbol]) == whole
    assert m1_bars_for(Timeframe.M1) <= 15_000


_COLUMNS = ("open_time", "close_time", "open", "high", "low", "close", "volume", "spread")


def test_no_more_base_bars_than_promised_are_needed(symbol, at_hand):
    bars, base = market_bars(symbol)
    for signal, plan in some(symbol, 12, seed=3):
        closes = bars["close_time"] <= signal.known_at
        needed = m1_bars_for(signal.tf) // base.minutes
        short = bars[closes][-needed:].reset_index(drop=True)
        whole = features_of(signal, plan, at_hand[signal.tf].at(signal.known_at), MARKETS[symbol])
        if closes.sum() < needed:
            continue
        frames = FeatureBars.of(short, signal.tf, signal.known_at).at(signal.known_at)
        assert features_of(signal, plan, frames, MARKETS[symbol]) == whole


def test_too_short_a_history_gives_none_and_never_another_number(symbol, at_hand):
    lacking = 0
    for signal, plan in some(symbol, 15, seed=4):
        frames = at_hand[signal.tf].at(signal.known_at)
        whole = features_of(signal, plan, frames, MARKETS[symbol])
        for timeframe in windows_for(signal.tf):
            cut = dict(frames)
            kept = windows_for(signal.tf)[timeframe] - 1
            cut[timeframe] = pd.DataFrame({c: frames[timeframe][c] for c in _COLUMNS})[-kept:]
            found = features_of(signal, plan, cut, MARKETS[symbol])
            assert all(found[n] in (None, whole[n]) for n in FEATURES)
            lacking += sum(found[n] is None and whole[n] is not None for n in FEATURES)
        nothing = features_of(signal, plan, {}, MARKETS[symbol])
        assert all(nothing[n] in (None, whole[n]) for n in FEATURES)
        assert nothing["weekday"] == whole["weekday"]
    assert lacking > 100


def test_prices_twice_as_high_give_the_same_features(symbol, at_hand):
    for signal, plan in some(symbol, 20, seed=5):
        frames = at_hand[signal.tf].at(signal.known_at)
        twice = {}
        for timeframe, bars in frames.items():
            frame = pd.DataFrame({c: bars[c] for c in _COLUMNS})
            frame[["open", "high", "low", "close"]] *= 2
            twice[timeframe] = frame
        s, p, instrument = doubled_case(signal, plan, MARKETS[symbol])
        found = features_of(s, p, twice, instrument)
        assert found == features_of(signal, plan, frames, MARKETS[symbol])


def test_bars_are_not_changed_and_the_same_comes_twice(symbol):
    bars, base = market_bars(symbol)
    signal, plan = some(symbol, 1, seed=6)[0]
    frames = {t: resample(bars, base, t).copy() for t in windows_for(signal.tf)}
    before = {t: frame.copy() for t, frame in frames.items()}
    first = features_of(signal, plan, frames, MARKETS[symbol])
    assert features_of(signal, plan, frames, MARKETS[symbol]) == first
    for timeframe, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[timeframe])


def test_some_features_by_hand(symbol, at_hand):
    """Plain twins of a few, over whole frames with pandas."""
    bars, base = market_bars(symbol)
    point = MARKETS[symbol].point
    for signal, plan in some(symbol, 20, seed=7):
        found = features_of(signal, plan, at_hand[signal.tf].at(signal.known_at), MARKETS[symbol])
        if any(found[n] is None for n in ("stop_atr", "h1_slope_24", "previous_day_ahead")):
            continue
        side = signal.side.sign
        known = bars[bars["close_time"] <= signal.known_at]
        own, h1 = (resample(known, base, t, signal.known_at) for t in (signal.tf, Timeframe.H1))
        atr, h1_atr = _atr(own), _atr(h1)
        close = own["close"].iloc[-1]
        risk = abs(signal.entry_price - signal.sl_price)
        assert found["stop_atr"] == pytest.approx(risk / atr, rel=1e-5)
        spread = signal.context["spread_points"] * point
        assert found["spread_r"] == pytest.approx(spread / risk, rel=1e-5)
        slope = np.polyfit(np.arange(24), h1["close"][-24:].to_numpy() - close, 1)[0] * 23
        assert found["h1_slope_24"] == pytest.approx(side * slope / h1_atr, abs=1e-6)
        week = h1[-120:]
        low, high = week["low"].min(), week["high"].max()
        place = (close - low) / (high - low)
        assert found["h1_position_120"] == pytest.approx(place if side > 0 else 1 - place)
        per_hour = sqrt(60 / signal.tf.minutes) * atr / h1_atr
        assert found["vol_trigger_h1"] == pytest.approx(per_hour)
        local = h1["open_time"].dt.tz_convert("America/New_York") + pd.Timedelta(hours=7)
        days = local.dt.strftime("%Y-%m-%d")
        moment = pd.Timestamp(signal.known_at).tz_convert("America/New_York")
        today = (moment + pd.Timedelta(hours=7) - pd.Timedelta(1)).strftime("%Y-%m-%d")
        counts = days[days < today].value_counts()
        day = h1[days == counts[counts >= 7].index.max()]
        ahead = day["high"].max() - close if side > 0 else close - day["low"].min()
        assert found["previous_day_ahead"] == pytest.approx(ahead / h1_atr, abs=1e-9)


def _atr(bars):
    high, low, before = bars["high"], bars["low"], bars["close"].shift()
    hole = bars["open_time"] - bars["close_time"].shift() >= pd.Timedelta(minutes=30)
    full = np.maximum(high, before) - np.minimum(low, before)
    return full.where(~hole, high - low)[-14:].mean()


def test_a_version_stands_for_one_way_of_counting():
    """Whoever changes a number has to change the version, and to note the new fingerprint."""
    bars = random_bars(np.random.default_rng(77), Timeframe.M5, 40)
    at_hand, vectors = FeatureBars.of(bars, Timeframe.M5), []
    for spec in LIBRARY.values():
        found = signals_of(bars, spec, Timeframe.M5, TOY)
        for signal, plan in zip(found.signals, found.plans, strict=True):
            vector = features_of(signal, plan, at_hand.at(signal.known_at), TOY)
            vectors.append({k: None if v is None else f"{v:.9g}" for k, v in vector.items()})
    assert len(vectors) > 20
    digest = hashlib.sha256(json.dumps(vectors).encode()).hexdigest()[:16]
    assert GOLDEN.get(FEATURE_VERSION) == digest, "changed features need a new FEATURE_VERSION"


def test_the_docs_name_every_feature_with_its_unit():
    rows = (Path(__file__).parents[4] / "docs" / "features.md").read_text().splitlines()
    told = [row.split(" | ") for row in rows if row.startswith("| `")]
    names = [cells[0].strip("| `") for cells in told]
    assert names == list(FEATURES)
    assert [cells[1] for cells in told] == [words.unit for words in FEATURE_WORDS.values()]
