"""Expected bars: holidays, clock changes, the grid of each timeframe."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from pipeline.data.calendar import CALENDARS, expected_opens, trading_days
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe


def opens(calendar, timeframe, first, last):
    start, end = (datetime.fromisoformat(t).replace(tzinfo=UTC) for t in (first, last))
    return (
        expected_opens(calendar, timeframe, start, end)
        .astype("datetime64[s]")
        .astype(str)
        .tolist()
    )


@pytest.mark.parametrize(
    "closed", ["01-01", "04-18", "04-21", "05-01", "12-24", "12-25", "12-26", "12-31"]
)
def test_xetra_is_closed_on_its_holidays_of_2025(closed):
    days = trading_days("index_xetra", date(2025, 1, 1), date(2025, 12, 31))
    assert date.fromisoformat(f"2025-{closed}") not in days
    assert len(days) == 261 - 8


def test_fx_week_opens_and_closes_at_17_new_york_in_winter_and_summer():
    winter = opens("fx", Timeframe.M1, "2025-01-10", "2025-01-13")
    assert winter[0] == "2025-01-10T00:00:00"
    assert "2025-01-10T21:59:00" in winter
    assert "2025-01-10T22:00:00" not in winter
    assert winter[-1] == "2025-01-12T23:59:00"
    assert "2025-01-12T22:00:00" in winter
    summer = opens("fx", Timeframe.H1, "2025-07-11T12:00", "2025-07-14")
    assert summer[-3:] == ["2025-07-13T21:00:00", "2025-07-13T22:00:00", "2025-07-13T23:00:00"]
    assert "2025-07-11T20:00:00" in summer
    assert "2025-07-11T21:00:00" not in summer


def test_xetra_day_moves_with_berlin():
    assert (
        opens("index_xetra", Timeframe.M15, "2025-03-28", "2025-03-29")[0] == "2025-03-28T00:15:00"
    )
    assert (
        opens("index_xetra", Timeframe.M15, "2025-03-30", "2025-04-01")[0] == "2025-03-30T23:15:00"
    )


def test_h4_and_d1_lie_on_the_new_york_roll():
    assert opens("fx", Timeframe.D1, "2025-01-05", "2025-01-11") == [
        f"2025-01-{d:02d}T22:00:00" for d in (5, 6, 7, 8, 9)
    ]
    hours = [t[11:13] for t in opens("fx", Timeframe.H4, "2025-07-07T21:00", "2025-07-08T21:00")]
    assert hours == ["21", "01", "05", "09", "13", "17"]


def test_us_early_close_and_good_friday():
    assert (
        opens("index_us", Timeframe.H1, "2025-11-27", "2025-11-27T23:00")[-1]
        == "2025-11-27T17:00:00"
    )
    assert opens("metal", Timeframe.H1, "2025-04-17T22:00", "2025-04-20T20:00") == []


def test_crypto_never_closes():
    assert len(opens("crypto", Timeframe.M1, "2025-01-01", "2025-01-04")) == 3 * 1440


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("timeframe", Timeframe)
def test_sorted_unique_and_inside_for_a_year_with_all_clock_changes(calendar, timeframe):
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    found = expected_opens(calendar, timeframe, start, end)
    assert (np.diff(found) > 0).all()
    assert found[0] >= start.timestamp()
    assert found[-1] < end.timestamp()


def test_unknown_calendar_names_the_known():
    with pytest.raises(BadRequestError, match="index_xetra"):
        trading_days("moon", date(2025, 1, 1), date(2025, 1, 2))
