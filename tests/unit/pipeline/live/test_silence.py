"""A silent symbol is told from a closed market, against the calendar's own list of bars."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.calendar import CALENDARS, expected_opens
from pipeline.domain.market import Timeframe
from pipeline.live.silence import OpenMinutes

OPEN = OpenMinutes()
START = datetime(2025, 3, 3, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CALENDARS)), st.integers(0, 60_000), st.integers(0, 9_000))
def test_open_minutes_are_the_bars_that_should_exist(calendar, first, length):
    start = START + timedelta(minutes=first)
    end = start + timedelta(minutes=length)
    wanted = len(expected_opens(calendar, Timeframe.M1, start, end))
    assert OPEN.between(calendar, start, end) == wanted


@pytest.mark.parametrize(
    ("last", "now", "silent"),
    [
        ("2025-03-07T21:59", "2025-03-09T20:00", False),  # over the weekend
        ("2025-03-07T21:59", "2025-03-09T21:10", False),  # just open again (17:00 New York, EDT)
        ("2025-03-07T21:59", "2025-03-09T21:30", True),
        ("2025-03-11T10:00", "2025-03-11T10:10", False),
        ("2025-03-11T10:00", "2025-03-11T10:20", True),
        ("2025-12-24T21:59", "2025-12-25T15:00", False),  # Christmas
    ],
)
def test_eurusd(last, now, silent):
    moments = (datetime.fromisoformat(f"{each}+00:00") for each in (last, now))
    assert OPEN.silent("fx", *moments) is silent
