"""The last day's and week's range, opening prices, developing ranges: by hand and by twins."""

from datetime import timedelta
from typing import Any

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
LATE = {"day": 240, "week": 240, "new_york_midnight": 60}


def hourly(start: str, end: str, **told: float) -> pd.DataFrame:
    """H1 bars at 100 ± 1 without weekends (New York); `told` names a time as d12h08: its high."""
    times = pd.date_range(start, end, freq="h", tz="UTC", inclusive="left")
    clock = times.tz_convert("America/New_York") + timedelta(hours=7)
    times = times[clock.day_of_week < 5]
    prices = np.tile([100.0, 101.0, 99.0, 100.0], (len(times), 1))
    for name, high in told.items():
        row = np.flatnonzero((times.day == int(name[1:3])) & (times.hour == int(name[4:6])))
        prices[row, 1] = high
    return bar_frame(times, Timeframe.H1, prices)


def previous(kind: str, bars: pd.DataFrame, instrument: Instrument = EURUSD, **p: Any) -> Any:
    return run_detector(f"previous_{kind}", bars, Timeframe.H1, instrument, p)


def test_the_day_before_is_known_at_its_last_close() -> None:
    bars = hourly("2025-03-10T21:00Z", "2025-03-13T21:00Z", d11h08=105.0)
    found = previous("day", bars)
    # 17:00 New York is 21:00 UTC since 9 March.
    assert rows(found, "event", "day", "price_high", "price_low")[1:] == [
        ("formed", "2025-03-12", 105.0, 99.0),
        ("formed", "2025-03-13", 101.0, 99.0),
        ("formed", "2025-03-14", 101.0, 99.0),
    ]
    assert found["known_at"].iloc[1] == pd.Timestamp("2025-03-11T21:00Z") == found["end"].iloc[1]
    assert found["start"].iloc[1] == pd.Timestamp("2025-03-10T21:00Z")


def test_monday_inherits_friday() -> None:
    bars = hourly("2025-03-12T21:00Z", "2025-03-17T23:00Z", d14h12=107.0)
    found = previous("day", bars)
    monday = found[found["day"] == "2025-03-17"].iloc[0]
    assert (monday["event"], monday["price_high"]) == ("formed", 107.0)
    assert monday["end"] == pd.Timestamp("2025-03-16T21:00Z")
    assert monday["known_at"] == pd.Timestamp("2025-03-16T22:00Z"), "first bar of the new week"
    assert not {"2025-03-15", "2025-03-16"} & set(found["day"])


def test_crypto_has_no_weekend() -> None:
    times = pd.date_range("2025-03-12T21:00Z", "2025-03-18T00:00Z", freq="h", tz="UTC")
    prices = np.tile([100.0, 101.0, 99.0, 100.0], (len(times), 1))
    prices[(times.day == 15) & (times.hour == 3), 1] = 111.0
    bars = bar_frame(times, Timeframe.H1, prices)
    coin = EURUSD.model_copy(update={"calendar": "crypto"})
    highs = dict(rows(previous("day", bars, coin), "day", "price_high"))
    assert (highs["2025-03-16"], highs["2025-03-17"]) == (111.0, 101.0)


@pytest.mark.parametrize(("held", "word"), [(12, "formed"), (11, "older")])
def test_a_day_counts_with_half_its_bars(held: int, word: str) -> None:
    bars = hourly("2025-03-10T21:00Z", "2025-03-13T21:00Z", d10h22=103.0, d11h22=104.0)
    day = (bars["open_time"] >= "2025-03-11T21:00Z") & (bars["open_time"] < "2025-03-12T21:00Z")
    kept = bars[~day | (day.cumsum() <= held)].reset_index(drop=True)
    last = previous("day", kept).iloc[-2]
    assert last["day"] == "2025-03-13"
    assert last["price_high"] == (104.0 if word == "formed" else 103.0)
    assert last["coverage"] == (0.5 if word == "formed" else 1.0)


def test_too_long_without_a_day_that_counts_says_so() -> None:
    bars = hourly("2025-03-10T21:00Z", "2025-03-13T21:00Z")
    gone = (bars["open_time"] >= "2025-03-11T22:00Z") & (bars["open_time"] < "2025-03-12T21:00Z")
    found = previous("day", bars[~gone].reset_index(drop=True), max_back=1)
    stub = found[found["day"] == "2025-03-13"].iloc[0]
    assert stub["event"] == "incomplete"
    assert np.isnan([stub["price_low"], stub["price_high"]]).all()
    assert stub["coverage"] == 1 / 24


def test_a_holiday_passes_the_range_on() -> None:
    """Christmas: no bar on the 25th; the 26th still looks at the 24th."""
    bars = hourly("2025-12-22T22:00Z", "2025-12-29T22:00Z", d24h03=109.0)
    closed = (bars["open_time"] >= "2025-12-24T22:00Z") & (bars["open_time"] < "2025-12-25T22:00Z")
    found = previous("day", bars[~closed].reset_index(drop=True))
    highs = dict(rows(found, "day", "price_high"))
    assert highs["2025-12-25"] == highs["2025-12-26"] == 109.0
    zones = dict(rows(found, "day", "zone_id"))
    assert zones["2025-12-25"] == zones["2025-12-26"], "the same range is the same zone"


def test_the_day_follows_new_york_s_clock() -> None:
    """Until 8 March the roll is at 22:00 UTC, from the 9th at 21:00."""
    bars = hourly("2025-03-05T22:00Z", "2025-03-12T21:00Z")
    ends = previous("day", bars)["end"].dt.strftime("%d %H").tolist()
    assert ends == ["05 22", "06 22", "09 21", "10 21", "11 21", "12 21"]
    bars = hourly("2025-10-29T21:00Z", "2025-11-05T22:00Z")
    ends = previous("day", bars)["end"].dt.strftime("%d %H").tolist()
    assert ends == ["29 21", "30 21", "02 22", "03 22", "04 22", "05 22"]


def test_the_week_is_in_force_on_each_of_its_days() -> None:
    bars = hourly("2025-03-09T21:00Z", "2025-03-21T21:00Z", d12h08=105.0, d18h08=120.0)
    found = previous("week", bars)
    formed = found[found["event"] == "formed"]
    assert formed["day"].tolist() == [f"2025-03-{d}" for d in range(17, 22)]
    assert set(formed["price_high"]) == {105.0}
    assert len(set(formed["zone_id"])) == 1
    assert set(formed["level_name"]) == {"PWL/PWH"}


def test_a_raid_watches_the_day_before() -> None:
    """The low of Tuesday, swept and reclaimed on Wednesday morning in Berlin."""
    bars = random_bars(np.random.default_rng(1), 3000, Timeframe.M15, SPRING, EURUSD)
    providers = {"levels": ("previous_day", {})}
    params = {"start": "08:00", "end": "17:00"}
    found = run_detector("raid", bars, Timeframe.M15, EURUSD, params, providers=providers)
    days = run_detector("previous_day", bars, Timeframe.M15, EURUSD)
    levels = days.set_index("day")
    assert len(found) > 20
    assert set(found["day"]) > {"2025-03-17"}, "Mondays too"
    for _, row in found.iterrows():
        level = levels.loc[row["day"]]
        assert row["level"] == level["price_low" if row["side"] > 0 else "price_high"]


def openings(bars: pd.DataFrame, timeframe: Timeframe = Timeframe.H1, **p: Any) -> pd.DataFrame:
    return run_detector("opening_price", bars, timeframe, EURUSD, p)


def test_opening_prices() -> None:
    bars = hourly("2025-03-06T20:00Z", "2025-03-12T20:00Z")
    bars["open"] = 99.5 + np.arange(len(bars)) / 1000
    at = dict(zip(bars["open_time"], bars["open"], strict=True))
    day, week, midnight = (openings(bars, of=w) for w in ("day", "week", "new_york_midnight"))
    first = pd.Timestamp
    assert day["price_low"].tolist() == [
        at[first(f"2025-03-{t}Z")] for t in ("06T22:00", "09T21:00", "10T21:00", "11T21:00")
    ]
    assert day["day"].tolist() == ["2025-03-07", "2025-03-10", "2025-03-11", "2025-03-12"]
    assert rows(week, "price_high", "level_name") == [
        (at[first("2025-03-09T21:00Z")], "week open")
    ]
    # 00:00 New York is 05:00 UTC until 8 March, then 04:00; no bars on the weekend's midnights.
    assert midnight["end"].dt.strftime("%d %H").tolist() == ["07 05", "10 04", "11 04", "12 04"]
    assert (day["known_at"] == day["start"] + timedelta(hours=1)).all()


@pytest.mark.parametrize(("missing", "word"), [(1, "formed"), (2, "incomplete")])
def test_an_opening_price_that_comes_late_is_none(missing: int, word: str) -> None:
    bars = hourly("2025-03-11T00:00Z", "2025-03-12T00:00Z")
    late = bars[(bars["open_time"].dt.hour < 4) | (bars["open_time"].dt.hour >= 4 + missing)]
    found = openings(late.reset_index(drop=True), of="new_york_midnight")
    assert rows(found, "event") == [(word,)]
    assert np.isnan(found["price_low"].iloc[0]) == (word == "incomplete")


def test_an_opening_before_the_first_bar_is_not_told() -> None:
    assert len(openings(hourly("2025-03-11T04:00Z", "2025-03-11T20:00Z"), of="day")) == 0
    assert len(openings(hourly("2025-03-11T04:00Z", "2025-03-11T20:00Z"), of="new_york_midnight"))


def _check_previous(drawn: Drawn, kind: str, rules: tuple[float, int]) -> int:
    bars, timeframe, instrument = drawn
    params = {"min_coverage": rules[0], "max_back": rules[1]}
    found = run_detector(f"previous_{kind}", bars, timeframe, instrument, params)
    names = ("bar", "event", "price_low", "price_high", "day", "end", "coverage")
    crypto = instrument.calendar == "crypto"
    told = plain_bars(bars)
    expected = plain.previous(told, kind, rules, timeframe.minutes, weekends=crypto)
    assert rows(found, *names) == [row[:-1] for row in expected]
    assert found["start"].tolist() == [told[row[-1]].opened for row in expected]
    return int((found["event"] == "formed").sum())


@few
@given(
    bar_frames(max_size=500),
    st.sampled_from(["day", "week"]),
    st.sampled_from([0.01, 0.3, 0.5]),
    st.integers(1, 3),
)
def test_previous_ranges_are_those_of_the_twin(
    drawn: Drawn, kind: str, coverage: float, back: int
) -> None:
    _check_previous(drawn, kind, (coverage, back))


@few
@given(
    bar_frames(max_size=500),
    st.sampled_from(["day", "week", "new_york_midnight"]),
    st.sampled_from([None, 0, 10_000]),
)
def test_opening_prices_are_those_of_the_twin(drawn: Drawn, of: str, late: int | None) -> None:
    _check_openings(drawn, of, late)


def _check_openings(drawn: Drawn, of: str, late: int | None) -> int:
    bars, timeframe, instrument = drawn
    params = {"of": of, "max_late_minutes": late}
    found = run_detector("opening_price", bars, timeframe, instrument, params)
    patience = timedelta(minutes=LATE[of] if late is None else late)
    expected = plain.openings(plain_bars(bars), of, patience)
    assert rows(found, "bar", "event", "price_low", "day", "end") == expected
    assert rows(found, "price_low") == rows(found, "price_high")
    return len(expected)


def _check_developing(drawn: Drawn, name: str, edge: str) -> int:
    bars, timeframe, instrument = drawn
    found = run_detector(
        "developing_range", bars, timeframe, instrument, {"session": name, "edge": edge}
    )
    session = SESSIONS[name]
    wall = session.start, session.end
    same_series(found, plain.developing(plain_bars(bars), session.zone, wall, edge))
    return int(np.isfinite(found).sum())


@few
@given(
    bar_frames(max_size=300),
    st.sampled_from(sorted(SESSIONS)),
    st.sampled_from(["high", "low", "mid"]),
)
def test_developing_ranges_are_those_of_the_twin(drawn: Drawn, name: str, edge: str) -> None:
    _check_developing(drawn, name, edge)


@pytest.mark.parametrize("name", ["frankfurt", "asia_new_york", "london"])
def test_at_its_end_the_developing_range_is_the_session_s(name: str) -> None:
    bars = random_bars(np.random.default_rng(3), 2500, Timeframe.M15, AUTUMN, GER40, missing=0)
    final = run_detector("session_range", bars, Timeframe.M15, GER40, {"session": name})
    final = final[(final["event"] == "formed") & (final["coverage"] == 1)]
    for edge, price in (("high", "price_high"), ("low", "price_low"), ("mid", "mid")):
        params = {"session": name, "edge": edge}
        series = run_detector("developing_range", bars, Timeframe.M15, GER40, params)
        assert series[final["bar"]].tolist() == final[price].tolist()
    assert len(final) > 10


def test_outside_the_session_nothing_develops() -> None:
    bars = hourly("2025-03-12T00:00Z", "2025-03-13T00:00Z", d12h09=104.0)
    series = run_detector(
        "developing_range", bars, Timeframe.H1, EURUSD, {"session": "xetra", "edge": "high"}
    )
    hours = bars["open_time"].dt.hour.to_numpy()
    # 09:00–17:30 Berlin is 08:00–16:30 UTC; the bar of 16:00 isn't wholly inside.
    assert hours[np.isfinite(series)].tolist() == list(range(8, 16))
    assert series[8] == 101.0 and set(series[9:16]) == {104.0}


def test_a_session_that_began_before_the_bars_is_not_told() -> None:
    bars = hourly("2025-03-12T09:00Z", "2025-03-13T12:00Z")
    series = run_detector(
        "developing_range", bars, Timeframe.H1, EURUSD, {"session": "xetra", "edge": "low"}
    )
    told = bars["open_time"][np.isfinite(series)]
    assert set(told.dt.day) == {13}


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m15_mt5_2022-23"])
def test_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument = GER40 if name.startswith("ger") else EURUSD
    part = slice(12_000, 17_000) if timeframe is Timeframe.M5 else slice(4000, 7000)
    drawn = (bars.iloc[part].reset_index(drop=True), timeframe, instrument)
    assert _check_previous(drawn, "day", (0.5, 5)) > 15
    assert _check_previous(drawn, "week", (0.5, 2)) > 5
    assert _check_openings(drawn, "day", None) > 15
    assert _check_openings(drawn, "new_york_midnight", None) > 15
    short = (drawn[0].iloc[:1500].reset_index(drop=True), timeframe, instrument)
    assert _check_developing(short, "xetra", "high") > 300


def test_easter_and_christmas_of_the_dax() -> None:
    """No bar on Good Friday and 25 December: the next day inherits the one before."""
    bars, timeframe = real_bars("ger40_m5_2025")
    found = run_detector("previous_day", bars, timeframe, GER40).set_index("day")
    assert not {"2025-04-18", "2025-12-25"} & set(found.index)
    berlin = bars["open_time"].dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d")
    for eve, day in (("2025-04-17", "2025-04-21"), ("2025-12-24", "2025-12-26")):
        that = bars[berlin == eve]  # this source has no bar between 23:00 and midnight
        assert found.loc[day, "price_high"] == that["high"].max()
        assert found.loc[day, "price_low"] == that["low"].min()
    assert (found["event"] == "formed").mean() > 0.95
