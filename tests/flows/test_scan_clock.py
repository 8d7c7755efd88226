"""When scans begin: each minute of any market once, on its clock, whatever its speed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flows.scan_clock import FeedMinutes, minute_after

MINUTE = timedelta(minutes=1)
TINY = timedelta(milliseconds=1)  # microseconds of the clocks, as both round
YEAR = 365 * 86_400.0
moments = st.floats(0, YEAR).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
speeds = st.sampled_from([1.0, 2.0, 20.0, 60.0])
ahead = st.floats(-90_000, 90_000)  # seconds that the market's clock is ahead of ours
offsets = st.floats(-3.0, 5.0)


def market_of(anchor, seconds_ahead, speed):
    """A market whose clock is ahead of ours and runs at some speed."""
    there = anchor + timedelta(seconds=seconds_ahead)
    return lambda ours: (there + (ours - anchor) * speed, speed)


def off_minute(moment):
    """How far a moment of the market is from its nearest minute."""
    part = timedelta(seconds=moment.second, microseconds=moment.microsecond)
    return min(part, MINUTE - part)


@given(moments, ahead, speeds, offsets, st.floats(0, 600))
def test_the_next_tick_is_the_first_minute_ahead(anchor, seconds, speed, offset, later):
    market, now = market_of(anchor, seconds, speed), anchor + timedelta(seconds=later)
    moved = timedelta(seconds=offset / speed)
    fire = minute_after(now, market, moved)
    assert now < fire <= now + MINUTE / speed + TINY
    assert off_minute(market(fire - moved)[0]) <= TINY * speed


@given(moments, ahead, speeds, offsets, st.lists(st.floats(0, 5), min_size=3, max_size=30))
def test_each_minute_comes_once_however_late_one_looks(anchor, seconds, speed, offset, delays):
    market = market_of(anchor, seconds, speed)
    moved = offset / speed
    trigger = FeedMinutes(market, moved)
    last, now, minutes = None, anchor, []
    for delay in delays:
        fire = trigger.get_next_fire_time(last, now)
        assert fire > now
        assert last is None or fire > last
        there = market(fire - timedelta(seconds=moved))[0] + MINUTE / 2
        minutes.append(there.replace(second=0, microsecond=0))
        # The scheduler computes the next time as it fires, or later, when the loop was busy.
        last, now = fire, fire + timedelta(seconds=delay / speed)
    assert len(set(minutes)) == len(minutes)
    assert minutes == sorted(minutes)


@given(moments, ahead, speeds, st.floats(-2.0, 2.0))
def test_a_clock_that_is_corrected_gives_no_minute_twice(anchor, seconds, speed, correction):
    market = market_of(anchor, seconds, speed)
    trigger = FeedMinutes(market, 0.0)
    first = trigger.get_next_fire_time(None, anchor)
    corrected = market_of(
        anchor, seconds - abs(correction), speed
    )  # set back: the same minute again
    again = FeedMinutes(corrected, 0.0).get_next_fire_time(first, first)
    assert (again - first) * speed >= MINUTE / 2


def test_without_a_break_no_minute_is_left_out():
    anchor = datetime(2025, 3, 10, 9, 59, 30, tzinfo=UTC)
    trigger = FeedMinutes(market_of(anchor, 3600.25, 1.0), -2.0)
    fires, last = [], None
    for _ in range(120):
        last = trigger.get_next_fire_time(last, last or anchor)
        fires.append(last)
    gaps = {round((b - a).total_seconds(), 3) for a, b in pairwise(fires)}
    assert gaps == {60.0}
