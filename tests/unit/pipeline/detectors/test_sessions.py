"""Session ranges across changes of clocks, holes and holidays."""

import time as clock
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import SESSIONS, Timeframe
from tests.kit.bar_strategies import EURUSD, GER40, random_bars
from tests.kit.berlin_days import berlin_day
from tests.kit.real_bars import real_bars
from tests.kit.run_detector import run_detector

CHANGES = [("2025-03-10", "2025-03-31"), ("2025-10-24", "2025-11-01")]


def whole_weeks(first: str, last: str, timeframe: Timeframe = Timeframe.M15) -> pd.DataFrame:
    """Return bars around the clock, also at weekends."""
    times = pd.date_range(first, last, freq=timeframe.delta, tz="UTC", inclusive="left")
    walk = 100 + np.cumsum(np.random.default_rng(0).normal(0, 0.1, len(times)))
    prices = np.column_stack([walk, walk + 0.1, walk - 0.1, walk])
    return bar_frame(times, timeframe, prices)


@pytest.mark.parametrize("span", CHANGES)
@pytest.mark.parametrize("name", SESSIONS)
def test_every_day_starts_and_ends_by_the_clock_on_the_wall(
    name: str, span: tuple[str, str]
) -> None:
    session = SESSIONS[name]
    found = run_detector(
        "session_range", whole_weeks(*span), Timeframe.M15, EURUSD, {"session": name}
    )
    zone = ZoneInfo(session.zone)
    starts = found["start"].dt.tz_convert(zone)
    whole = found[found["event"] == "formed"]
    assert (starts[whole.index].dt.time == session.start).all()
    assert (found["end"].dt.tz_convert(zone).dt.time == session.end).all()
    assert (whole["day"] == starts[whole.index].dt.strftime("%Y-%m-%d")).all()
    assert (whole["known_at"] == whole["end"]).all()
    assert len(whole) >= (pd.Timestamp(span[1]) - pd.Timestamp(span[0])).days - 2
    assert (whole["coverage"] == 1.0).all()


@pytest.mark.parametrize(
    ("day", "name", "start", "end"),
    [
        ("2025-03-10", "new_york_cash", "13:30", "20:00"),  # the US a Sunday ahead of Europe
        ("2025-03-10", "frankfurt", "07:00", "08:00"),
        ("2025-03-28", "london", "08:00", "16:30"),
        ("2025-03-30", "frankfurt", "06:00", "07:00"),
        ("2025-03-30", "london", "07:00", "15:30"),
        ("2025-10-25", "frankfurt", "06:00", "07:00"),
        ("2025-10-26", "frankfurt", "07:00", "08:00"),
        ("2025-10-31", "new_york_cash", "13:30", "20:00"),
        ("2025-10-31", "asia", "00:00", "06:00"),
    ],
)
def test_known_days(day: str, name: str, start: str, end: str) -> None:
    bars = whole_weeks(*(CHANGES[0] if day < "2025-06" else CHANGES[1]))
    found = run_detector("session_range", bars, Timeframe.M15, EURUSD, {"session": name})
    row = found[found["day"] == day].iloc[0]
    assert (row["start"].strftime("%H:%M"), row["end"].strftime("%H:%M")) == (start, end)
    inside = bars[(bars["open_time"] >= row["start"]) & (bars["open_time"] < row["end"])]
    assert (row["price_low"], row["price_high"]) == (inside["low"].min(), inside["high"].max())
    assert row["mid"] == (row["price_high"] + row["price_low"]) / 2


def test_window_over_midnight_belongs_to_its_start() -> None:
    bars = whole_weeks("2025-03-05", "2025-03-12")
    found = run_detector(
        "session_range", bars, Timeframe.M15, EURUSD, {"session": "asia_new_york"}
    )
    row = found[found["day"] == "2025-03-09"].iloc[0]  # the night after the US change
    assert row["start"] == pd.Timestamp("2025-03-09T23:00Z")
    assert row["end"] == pd.Timestamp("2025-03-10T04:00Z")


@pytest.mark.parametrize(("gone", "word"), [(1, "formed"), (2, "incomplete")])
def test_nine_tenths_of_the_bars_must_be_there(gone: int, word: str) -> None:
    missing = {f"08:{5 * i + 10}": None for i in range(gone)}
    found = run_detector("session_range", berlin_day("2025-03-12", missing), Timeframe.M5, GER40)
    row = found.iloc[0]
    assert (row["event"], row["coverage"]) == (word, (12 - gone) / 12)
    assert np.isnan(row["price_low"]) == (word == "incomplete")


def test_known_at_the_first_close_at_or_after_the_end() -> None:
    bars = berlin_day("2025-03-12", {"08:55": None, "09:00": None})
    row = run_detector("session_range", bars, Timeframe.M5, GER40, {"min_coverage": 0.5}).iloc[0]
    assert row["known_at"] == pd.Timestamp("2025-03-12T08:10Z")
    assert row["end"] == pd.Timestamp("2025-03-12T08:00Z")


def test_developing_range_says_nothing() -> None:
    bars = berlin_day("2025-03-12", {}, end="08:55")
    assert len(run_detector("session_range", bars, Timeframe.M5, GER40)) == 0


def test_a_bar_that_reaches_beyond_the_window_is_not_in_it() -> None:
    bars = whole_weeks("2025-03-10", "2025-03-14", Timeframe.H4)
    found = run_detector("session_range", bars, Timeframe.H4, EURUSD, {"session": "frankfurt"})
    assert len(found) == 0
    found = run_detector("session_range", bars, Timeframe.H4, EURUSD, {"session": "asia"})
    assert set(found["event"]) == {"incomplete"}  # one bar of the one and a half it would need


def test_initial_balance_of_each_instrument() -> None:
    rng = np.random.default_rng(5)
    for instrument, zone, start in (
        (GER40, "Europe/Berlin", "09:00"),
        (EURUSD, "Europe/London", "08:00"),
    ):
        bars = random_bars(rng, 2000, instrument=instrument, missing=0.0)
        found = run_detector("initial_balance", bars, Timeframe.M5, instrument)
        found = found[found["event"] == "formed"]
        assert set(found["start"].dt.tz_convert(zone).dt.strftime("%H:%M")) <= {
            start,
            f"{start[:3]}05",
        }
        assert (found["end"] - found["start"] <= pd.Timedelta(minutes=60)).all()
        assert len(found) > 4


def test_real_xetra_days() -> None:
    bars, timeframe = real_bars("ger40_m5_2025")
    found = run_detector("session_range", bars, timeframe, GER40, {"session": "xetra"})
    formed = set(found.loc[found["event"] == "formed", "day"])
    assert len(formed) >= 245
    assert not {"2025-04-18", "2025-12-25"} & set(found["day"])


def test_a_year_of_minutes_takes_no_time() -> None:
    bars = random_bars(np.random.default_rng(0), 370_000, Timeframe.M1)
    run_detector("session_range", bars, Timeframe.M1, EURUSD)
    begun = clock.perf_counter()
    found = run_detector("session_range", bars, Timeframe.M1, EURUSD)
    assert clock.perf_counter() - begun < 0.5  # 7 ms on a quiet machine
    assert len(found) > 200
