"""Each detector says what its slow plain twin says, event by event."""

import math
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.market import SESSIONS, Instrument, Timeframe
from tests.kit import reference_detectors as plain
from tests.kit.bar_strategies import EURUSD, GER40, bar_frames, random_bars, tiny_bars
from tests.kit.real_bars import real_bars
from tests.kit.run_detector import plain_rows as rows
from tests.kit.run_detector import run_detector

Drawn = tuple[pd.DataFrame, Timeframe, Instrument]
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def same_series(found: np.ndarray, expected: list[float | None]) -> None:
    wanted = np.array([math.nan if v is None else v for v in expected], dtype="float64")
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@some
@given(bar_frames(), st.sampled_from([1, 3, 14]))
def test_atr(drawn: Drawn, length: int) -> None:
    bars, timeframe, instrument = drawn
    found = run_detector("atr", bars, timeframe, instrument, {"length": length})
    same_series(found, plain.atr(plain.plain_bars(bars), length))


@pytest.mark.parametrize("seed", range(6))
def test_adr(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = random_bars(rng, 700, Timeframe.H1, missing=0.1, holes=5)
    params = {"days": int(rng.integers(1, 6)), "min_coverage": float(rng.choice([0.0, 0.5, 0.9]))}
    found = run_detector("adr", bars, Timeframe.H1, EURUSD, params)
    same_series(
        found, plain.adr(plain.plain_bars(bars), params["days"], params["min_coverage"], 60)
    )
    assert np.isfinite(found).any()


def _check_session(drawn: Drawn, name: str, min_coverage: float) -> list[tuple]:
    bars, timeframe, instrument = drawn
    params = {"session": name, "min_coverage": min_coverage}
    found = run_detector("session_range", bars, timeframe, instrument, params)
    session = SESSIONS[name]
    expected = plain.session_range(
        plain.plain_bars(bars),
        session.zone,
        (session.start, session.end),
        min_coverage,
        timeframe.minutes,
    )
    names = ("bar", "event", "price_low", "price_high", "day", "coverage", "end")
    assert rows(found, *names) == expected
    return expected


@some
@given(bar_frames(), st.sampled_from(sorted(SESSIONS)), st.sampled_from([0.5, 0.9, 1.0]))
def test_session_range(drawn: Drawn, name: str, min_coverage: float) -> None:
    _check_session(drawn, name, min_coverage)


@some
@given(bar_frames(), st.sampled_from([15, 60, 90]))
def test_initial_balance(drawn: Drawn, minutes: int) -> None:
    bars, timeframe, instrument = drawn
    found = run_detector("initial_balance", bars, timeframe, instrument, {"minutes": minutes})
    session = SESSIONS[instrument.cash_session]
    end = (datetime.combine(date(2025, 1, 6), session.start) + timedelta(minutes=minutes)).time()
    expected = plain.session_range(
        plain.plain_bars(bars), session.zone, (session.start, end), 0.9, timeframe.minutes
    )
    names = ("bar", "event", "price_low", "price_high", "day", "coverage", "end")
    assert rows(found, *names) == expected


def _check_swings_and_structure(drawn: Drawn, k: int, mode: str, memory: int) -> int:
    bars, timeframe, instrument = drawn
    params = {"break_mode": mode, "memory_bars": memory}
    turns = run_detector("swing", bars, timeframe, instrument, {"k": k})
    expected_turns = plain.swings(plain.plain_bars(bars), k)
    assert rows(turns, "bar", "event", "price", "pivot_bar") == expected_turns
    found = run_detector(
        "structure", bars, timeframe, instrument, params, providers={"swings": ("swing", {"k": k})}
    )
    expected = plain.structure(plain.plain_bars(bars), expected_turns, mode, memory)
    names = ("bar", "event", "side", "level", "pivot_bar", "trend_before")
    assert rows(found, *names) == expected
    assert (found["trend_after"] == found["side"]).all()
    return len(expected)


@some
@given(
    bar_frames(max_size=300),
    st.integers(1, 6),
    st.sampled_from(["close", "wick"]),
    st.sampled_from([10, 200]),
)
def test_swing_and_structure(drawn: Drawn, k: int, mode: str, memory: int) -> None:
    _check_swings_and_structure(drawn, k, mode, memory)


@some
@given(tiny_bars(), st.integers(1, 2), st.sampled_from(["close", "wick"]))
def test_swing_and_structure_on_ties(bars: pd.DataFrame, k: int, mode: str) -> None:
    _check_swings_and_structure((bars, Timeframe.M5, EURUSD), k, mode, 10)


@some
@given(st.one_of(tiny_bars(), bar_frames().map(lambda drawn: drawn[0])))
def test_engulfing(bars: pd.DataFrame) -> None:
    found = run_detector("engulfing", bars, Timeframe.M5, EURUSD)
    assert rows(found, "bar", "side", "price_low", "price_high") == plain.engulfing(
        plain.plain_bars(bars)
    )


def _check_gaps(bars: pd.DataFrame, length: int, params: dict[str, Any]) -> list[tuple]:
    atr = run_detector("atr", bars, Timeframe.M5, EURUSD, {"length": length})
    found = run_detector(
        "fair_value_gap",
        bars,
        Timeframe.M5,
        EURUSD,
        params,
        providers={"atr": ("atr", {"length": length})},
    )
    atrs = [None if math.isnan(v) else float(v) for v in atr]
    expected = plain.gaps(
        plain.plain_bars(bars),
        atrs,
        params["min_gap_atr"],
        params["min_gap_pct"],
        params["expiry_bars"],
    )
    assert rows(found, "bar", "event", "side", "price_low", "price_high", "formed_bar") == expected
    assert (found["zone_id"] == found["formed_bar"]).all()
    np.testing.assert_allclose(found["size"], found["price_high"] - found["price_low"])
    np.testing.assert_array_equal(
        found["size_atr"], found["size"].to_numpy() / atr[found["formed_bar"].to_numpy() - 1]
    )
    return expected


gap_rules = st.fixed_dictionaries(
    {
        "min_gap_atr": st.sampled_from([0.0, 0.1, 0.5]),
        "min_gap_pct": st.sampled_from([None, 0.001, 5.0]),
        "expiry_bars": st.sampled_from([1, 5, 40]),
    }
)


@some
@given(bar_frames(max_size=400), gap_rules)
def test_fair_value_gap(drawn: Drawn, params: dict[str, Any]) -> None:
    _check_gaps(drawn[0], 14, params)


@some
@given(tiny_bars(), gap_rules)
def test_fair_value_gap_on_ties_and_holes(bars: pd.DataFrame, params: dict[str, Any]) -> None:
    _check_gaps(bars, 2, params)


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m5_mt5_2020"])
def test_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument = GER40 if name.startswith("ger") else EURUSD
    bars = bars.iloc[13_500:16_500].reset_index(drop=True)
    drawn = (bars, timeframe, instrument)
    assert len(_check_session(drawn, "frankfurt", 0.9)) > 8
    assert _check_swings_and_structure(drawn, 5, "close", 200) > 80
    assert (
        len(_check_gaps(bars, 14, {"min_gap_atr": 0.1, "min_gap_pct": None, "expiry_bars": 500}))
        > 500
    )
