"""Quiet hours, weekends and moments of the day, by clocks that jump."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.domain.watch import Quiet
from pipeline.live.wall_clock import (
    day_bounds,
    is_quiet,
    is_weekend,
    moment_of,
    quiet_until,
)

MINUTE = timedelta(minutes=1)
ZONES = (
    "America/New_York", "Europe/London", "Europe/Berlin", "Australia/Sydney", "America/Santiago",
    "Asia/Kolkata", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Chatham",
    "Africa/Casablanca", "UTC",
)  # fmt: skip
CHANGES_2025 = {
    "America/New_York": ("2025-03-09T07:00", "2025-11-02T06:00"),
    "Europe/London": ("2025-03-30T01:00", "2025-10-26T01:00"),
    "Europe/Berlin": ("2025-03-30T01:00", "2025-10-26T01:00"),
    "Australia/Sydney": ("2025-10-04T16:00", "2025-04-05T16:00"),
    "Australia/Adelaide": ("2025-10-04T16:30", "2025-04-05T16:30"),
    "Australia/Lord_Howe": ("2025-10-04T15:30", "2025-04-05T15:00"),
}
"""When clocks went forward and back (UTC), from the published rules."""

clocks = st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}")
quiets = st.builds(Quiet, start=clocks, end=clocks)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moments_near_changes():
    ends = st.sampled_from([(zone, utc(at)) for zone, ats in CHANGES_2025.items() for at in ats])
    near = st.tuples(ends, st.integers(-1800, 1800), st.integers(0, 59))
    return near.map(lambda n: (n[0][0], n[0][1] + n[1] * MINUTE + timedelta(seconds=n[2])))


def moments_anywhere():
    year = st.integers(0, 2 * 525_600)
    return st.tuples(st.sampled_from(ZONES), year.map(lambda m: utc("2024-01-01") + m * MINUTE))


def shown_quiet(quiet, zone, moment):
    """By the distance of the minute shown from the start, around the clock."""
    start, end = (int(w[:2]) * 60 + int(w[3:]) for w in (quiet.start, quiet.end))
    shown = moment.astimezone(ZoneInfo(zone))
    return (shown.hour * 60 + shown.minute - start) % 1440 < (end - start) % 1440


@settings(deadline=None)  # the reference walks minute by minute
@given(st.one_of(moments_near_changes(), moments_anywhere()), quiets)
def test_quiet_is_what_the_clock_shows_and_ends_at_the_first_minute_that_is_not(where, quiet):
    zone, moment = where
    assert is_quiet(quiet, zone, moment) == shown_quiet(quiet, zone, moment)
    until = quiet_until(quiet, zone, moment)
    assert until.utcoffset() == timedelta(0)
    if not shown_quiet(quiet, zone, moment):
        assert until == moment
        return
    step = moment.replace(second=0, microsecond=0)
    while shown_quiet(quiet, zone, step):
        step += MINUTE
    assert until == step


@pytest.mark.parametrize(
    ("zone", "quiet", "moment", "until"),
    [
        # an ordinary night, over midnight, and hours within a day
        ("Europe/Berlin", "22:00-07:00", "2025-06-10T21:30", "2025-06-11T05:00"),
        ("Europe/Berlin", "22:00-07:00", "2025-06-11T04:59", "2025-06-11T05:00"),
        ("Asia/Kolkata", "22:00-07:00", "2025-06-10T17:00", "2025-06-11T01:30"),
        ("Europe/London", "12:00-13:30", "2025-01-10T12:00", "2025-01-10T13:30"),
        # nights in which the clock goes forward are an hour shorter, back an hour longer
        ("Europe/Berlin", "22:00-07:00", "2025-03-29T22:00", "2025-03-30T05:00"),
        ("Europe/Berlin", "22:00-07:00", "2025-10-25T21:00", "2025-10-26T06:00"),
        ("America/New_York", "22:00-07:00", "2025-03-09T04:00", "2025-03-09T11:00"),
        ("America/New_York", "22:00-07:00", "2025-11-02T03:00", "2025-11-02T12:00"),
        ("Europe/London", "22:00-07:00", "2025-03-29T23:00", "2025-03-30T06:00"),
        ("Europe/London", "22:00-07:00", "2025-10-25T22:00", "2025-10-26T07:00"),
        ("Australia/Sydney", "22:00-07:00", "2025-10-04T13:00", "2025-10-04T20:00"),
        ("Australia/Sydney", "22:00-07:00", "2025-04-05T12:00", "2025-04-05T21:00"),
        ("Australia/Lord_Howe", "22:00-07:00", "2025-10-04T12:00", "2025-10-04T20:00"),
        # an end that the clock skips: 02:30 never comes, 03:00 is the first later time
        ("Europe/Berlin", "22:00-02:30", "2025-03-30T00:59", "2025-03-30T01:00"),
        # an end that comes twice: over at the first, quiet again as the clock is set back
        ("Europe/Berlin", "22:00-02:30", "2025-10-26T00:20", "2025-10-26T00:30"),
        ("Europe/Berlin", "22:00-02:30", "2025-10-26T01:00", "2025-10-26T01:30"),
    ],
)
def test_quiet_nights(zone, quiet, moment, until):
    start, end = quiet.split("-")
    wish = Quiet(start=start, end=end)
    assert is_quiet(wish, zone, utc(moment))
    assert quiet_until(wish, zone, utc(moment)) == utc(until)
    assert not is_quiet(wish, zone, utc(until))


def test_hours_that_the_clock_skips_are_never_quiet():
    skipped = Quiet(start="02:00", end="03:00")
    day = [utc("2025-03-30T00:00") + n * MINUTE for n in range(24 * 60)]
    assert not any(is_quiet(skipped, "Europe/Berlin", moment) for moment in day)


def test_equal_ends_are_no_hours_at_all():
    none = Quiet(start="08:00", end="08:00")
    assert not any(is_quiet(none, "UTC", utc("2025-06-10") + n * MINUTE) for n in range(1440))


@pytest.mark.parametrize(
    ("zone", "moment", "weekend"),
    [
        ("Europe/Berlin", "2025-06-13T21:59", False),  # Friday 23:59
        ("Europe/Berlin", "2025-06-13T22:00", True),
        ("Europe/Berlin", "2025-06-15T21:59", True),  # Sunday 23:59
        ("Europe/Berlin", "2025-06-15T22:00", False),
        ("Australia/Sydney", "2025-06-13T14:00", True),  # Saturday 00:00 there
        ("America/New_York", "2025-06-16T03:59", True),  # Sunday 23:59 there
    ],
)
def test_weekends_are_the_chats_own(zone, moment, weekend):
    assert is_weekend(zone, utc(moment)) is weekend


@given(st.sampled_from(ZONES), st.dates(date(2024, 1, 1), date(2026, 12, 31)), clocks)
def test_a_moment_is_the_first_at_which_the_clock_shows_that_time_or_later(zone, day, words):
    clock = time.fromisoformat(words)
    moment = moment_of(zone, day, clock)
    wall = datetime.combine(day, clock)

    def shown(at):
        return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    assert shown(moment) >= wall
    assert shown(moment - MINUTE) < wall
    earlier = [moment - n * 15 * MINUTE for n in range(1, 20)]
    assert all(shown(at) < wall for at in earlier)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "moment"),
    [
        ("Europe/Berlin", "2025-03-30", "02:20", "2025-03-30T01:00"),
        ("Europe/Berlin", "2025-10-26", "02:20", "2025-10-26T00:20"),
        ("America/Santiago", "2025-09-07", "00:00", "2025-09-07T04:00"),  # midnight is skipped
        ("Australia/Lord_Howe", "2025-10-05", "02:10", "2025-10-04T15:30"),
        ("Asia/Kolkata", "2025-10-05", "08:00", "2025-10-05T02:30"),
    ],
)
def test_moments_of_odd_days(zone, day, clock, moment):
    found = moment_of(zone, date.fromisoformat(day), time.fromisoformat(clock))
    assert found == utc(moment)


@given(st.one_of(moments_near_changes(), moments_anywhere()))
def test_a_day_holds_its_moment_and_meets_the_next(where):
    zone, moment = where
    begin, end = day_bounds(zone, moment)
    assert begin <= moment < end
    assert timedelta(hours=23) <= end - begin <= timedelta(hours=25)
    assert day_bounds(zone, begin) == (begin, end)
    assume(end.year < 2027)
    assert day_bounds(zone, end)[0] == end
