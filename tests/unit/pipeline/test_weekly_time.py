from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import BadRequestError
from pipeline.weekly_time import DAYS, WeeklyTime

SUNDAY_3 = WeeklyTime.parse("weekly_sunday_03:00")
ZONES = ("Europe/Berlin", "Europe/Athens", "America/New_York", "Australia/Lord_Howe", "UTC")
START = datetime(2024, 1, 1, tzinfo=UTC)
moments = st.integers(0, 3 * 366 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))


@given(st.integers(0, 6), st.times())
def test_a_word_is_read_back(weekday, at):
    wanted = WeeklyTime(weekday, time(at.hour, at.minute))
    assert WeeklyTime.parse(wanted.word) == wanted
    assert WeeklyTime.parse(wanted.word.upper()) == wanted


@pytest.mark.parametrize("word", ["", "daily", "weekly_sunday_24:00", "weekly_sun_03:00",
                                  "weekly_sunday_3:00", "weekly_sunday_03:60"])  # fmt: skip
def test_another_word_is_refused_with_one_that_is_right(word):
    with pytest.raises(BadRequestError) as caught:
        WeeklyTime.parse(word)
    assert "weekly_sunday_03:00" in caught.value.closest
    assert repr(word) in caught.value.user_text


@given(moments, st.integers(0, 6), st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES))
def test_the_last_moment_is_the_newest_one_that_shows_this_time(now, weekday, hour, minute, zone):
    """Against every minute of the eight days before, looked at on the wall clock."""
    wanted, where = WeeklyTime(weekday, time(hour, minute)), ZoneInfo(zone)
    last = wanted.last(now, where)
    assert last <= now
    assert now - last <= timedelta(days=7, hours=2)
    shown = last.astimezone(where)
    gap = shown - timedelta(hours=1, minutes=30)
    jumped = gap.utcoffset() != shown.utcoffset()  # the clock went over it, or just before it
    assert shown.weekday() == weekday or jumped
    assert (shown.hour, shown.minute) == (hour, minute) or jumped


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(("zone", "sunday", "expected"), [
    ("Europe/Berlin", "2026-03-22", "2026-03-22 02:00"),  # winter: UTC+1
    ("Europe/Berlin", "2026-03-29", "2026-03-29 01:00"),  # the clock went from 02:00 to 03:00
    ("Europe/Berlin", "2026-10-25", "2026-10-25 02:00"),  # 02:00 to 03:00 came twice, 03:00 once
    ("Europe/Athens", "2026-03-29", "2026-03-29 01:00"),  # there is no 03:00; 04:00 follows 02:59
    ("Europe/Athens", "2026-10-25", "2026-10-25 00:00"),  # 03:00 comes twice: the first
    ("America/New_York", "2026-11-01", "2026-11-01 08:00"),
])  # fmt: skip
def test_sundays_when_the_clock_changes(zone, sunday, expected):
    where, due = ZoneInfo(zone), at(expected)
    assert SUNDAY_3.last(at(f"{sunday} 23:59", zone).astimezone(UTC), where) == due
    assert SUNDAY_3.last(due, where) == due
    before = SUNDAY_3.last(due - timedelta(seconds=1), where)
    assert timedelta(days=6, hours=22) < due - before < timedelta(days=7, hours=2)


@given(st.sampled_from(ZONES), moments)
def test_over_three_years_it_comes_once_a_week(zone, now):
    where = ZoneInfo(zone)
    found = {SUNDAY_3.last(now + timedelta(hours=hours), where) for hours in range(0, 24 * 28, 5)}
    assert len(found) in (4, 5)
    weeks = {moment.astimezone(where).isocalendar()[:2] for moment in found}
    assert len(weeks) == len(found)


def test_days_are_named_from_monday():
    assert DAYS[date(2026, 11, 22).weekday()] == "sunday"
