"""VWAP: by hand on whole numbers, and by its plain twin."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import SESSIONS, Instrument, Timeframe
from tests.kit import reference_levels as plain
from tests.kit.bar_strategies import AUTUMN, EURUSD, GER40, SPRING, bar_frames, random_bars
from tests.kit.real_bars import real_bars
from tests.kit.reference_detectors import plain_bars
from tests.kit.run_detector import plain_rows as rows
from tests.kit.run_detector import run_detector
from tests.kit.series import same_series

Drawn = tuple[pd.DataFrame, Timeframe, Instrument]
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def hourly(start: str, closes: list[float], volumes: list[float]) -> pd.DataFrame:
    """H1 bars whose typical price is their close."""
    times = pd.date_range(start, periods=len(closes), freq="h", tz="UTC")
    c = np.array(closes)
    prices = np.column_stack([c, c + 3, c - 3, c])
    return bar_frame(times, Timeframe.H1, prices, np.array(volumes, dtype="float64"))


def told(bars: pd.DataFrame, **params: object) -> tuple[list[float], list[tuple]]:
    series = run_detector("vwap", bars, Timeframe.H1, GER40, params)
    basis = run_detector("vwap_basis", bars, Timeframe.H1, GER40, params)
    return series.tolist(), rows(basis, "bar", "event", "price_low", "day")


def test_weighted_by_volume_from_the_cash_open() -> None:
    """09:00 Berlin is 08:00 UTC in winter time."""
    bars = hourly("2025-03-12T06:00Z", [90, 90, 100, 104, 112], [9, 9, 1, 3, 4])
    series, basis = told(bars)
    np.testing.assert_equal(series, [np.nan, np.nan, 100.0, 103.0, 107.5])
    assert basis == [(2, "volume_weighted", 100.0, "2025-03-12")]


def test_without_volume_by_time_and_it_says_so() -> None:
    bars = hourly("2025-03-12T08:00Z", [100, 104, 108], [0, 0, 0])
    series, basis = told(bars)
    assert series == [100.0, 102.0, 104.0]
    assert basis == [(0, "time_weighted", 100.0, "2025-03-12")]


def test_volume_that_comes_later_takes_over() -> None:
    bars = hourly("2025-03-12T08:00Z", [100, 104, 108, 110], [0, 0, 2, 2])
    series, basis = told(bars)
    assert series == [100.0, 102.0, 108.0, 109.0]
    assert [event[:2] for event in basis] == [(0, "time_weighted"), (2, "volume_weighted")]


def test_it_ends_with_the_trading_day() -> None:
    """17:00 New York is 21:00 UTC on 12 March, an hour earlier in Berlin than usual."""
    bars = hourly("2025-03-12T07:00Z", [100.0] * 26, [1.0] * 26)
    series, _ = told(bars)
    hours = bars["open_time"].dt.hour.to_numpy()[np.isfinite(series)]
    assert hours.tolist() == [*range(8, 21), 8]
    rolled, basis = told(bars, anchor="roll")
    assert np.isnan(rolled[:14]).all() and np.isfinite(rolled[14:]).all()
    assert [(bar, day) for bar, _, _, day in basis] == [(14, "2025-03-13")]


def test_the_close_or_the_typical_price() -> None:
    bars = hourly("2025-03-12T08:00Z", [100.0], [1.0])
    bars["high"] = 109.0
    assert told(bars)[0] == [102.0]
    assert told(bars, price="close")[0] == [100.0]


def test_a_day_whose_open_is_not_held_has_none() -> None:
    bars = hourly("2025-03-12T09:00Z", [100.0] * 5, [1.0] * 5)
    assert np.isnan(told(bars)[0]).all()


@pytest.mark.parametrize(("start", "hour"), [("2025-03-28", 8), ("2025-03-31", 7)])
def test_the_cash_open_follows_berlin_s_clock(start: str, hour: int) -> None:
    bars = hourly(f"{start}T00:00Z", [100.0] * 12, [1.0] * 12)
    assert int(np.argmax(np.isfinite(told(bars)[0]))) == hour


def _check(drawn: Drawn, anchor: str, session: str | None, price: str) -> int:
    bars, timeframe, instrument = drawn
    params = {"anchor": anchor, "session": session, "price": price}
    named = SESSIONS[session or instrument.cash_session]
    where = None if anchor == "roll" else (named.zone, named.start)
    expected, said = plain.vwap(plain_bars(bars), bars["volume"].tolist(), where, price)
    same_series(run_detector("vwap", bars, timeframe, instrument, params), expected)
    basis = run_detector("vwap_basis", bars, timeframe, instrument, params)
    assert rows(basis, "bar", "event") == said
    return len(said)


@few
@given(
    bar_frames(max_size=250),
    st.sampled_from(["cash_open", "roll"]),
    st.sampled_from([None, "new_york_cash", "asia"]),
    st.sampled_from(["typical", "close"]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_twin_says_the_same(
    drawn: Drawn, anchor: str, session: str | None, price: str, zeros: float
) -> None:
    bars, timeframe, instrument = drawn
    none = np.random.default_rng(len(bars)).random(len(bars)) < zeros
    bars = bars.assign(volume=bars["volume"].where(~none, 0.0))
    _check((bars, timeframe, instrument), anchor, session, price)


@pytest.mark.parametrize("start", [SPRING + timedelta(days=18), AUTUMN + timedelta(days=4)])
@pytest.mark.parametrize("anchor", ["cash_open", "roll"])
def test_the_twin_says_the_same_across_changes_of_the_clock(start: object, anchor: str) -> None:
    bars = random_bars(np.random.default_rng(8), 1000, Timeframe.M15, start, EURUSD)
    assert _check((bars, Timeframe.M15, EURUSD), anchor, None, "typical") > 7


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m15_mt5_2022-23"])
def test_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument = GER40 if name.startswith("ger") else EURUSD
    bars = bars.iloc[13_000:14_200].reset_index(drop=True)
    assert _check((bars, timeframe, instrument), "cash_open", None, "typical") >= 4
