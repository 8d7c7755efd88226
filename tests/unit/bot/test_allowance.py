"""A person's allowance: bursts and steady asking, told once, and forgotten when it is full."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.allowance import MINUTE, Allowances

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_burst_takes_a_minutes_worth_and_then_waits():
    purses = Allowances(10)
    assert [purses.take(1, START) for _ in range(10)] == [None] * 10
    assert purses.take(1, START) == timedelta(seconds=6)
    assert purses.tell(1)
    assert not purses.tell(1)
    assert purses.take(2, START) is None
    assert purses.take(1, START + timedelta(seconds=6)) is None
    assert purses.take(1, START + timedelta(seconds=6)) is not None
    assert purses.tell(1)


def test_a_clock_that_goes_back_gives_nothing():
    purses = Allowances(5)
    for _ in range(5):
        purses.take(1, START)
    assert purses.take(1, START - timedelta(hours=1)) is not None
    assert purses.take(1, START + timedelta(seconds=13)) is None


@given(st.integers(5, 60), st.lists(st.floats(0, 30), max_size=200))
def test_never_more_than_two_minutes_worth_in_a_minute(per_minute, pauses):
    purses, now, passed = Allowances(per_minute), START, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        if purses.take(7, now) is None:
            passed.append(now)
    for first in passed:
        assert sum(first <= at < first + MINUTE for at in passed) <= 2 * per_minute


def test_many_people_leave_nothing_behind():
    purses = Allowances(5)
    for user in range(3000):
        purses.take(user, START + timedelta(minutes=user))
    assert len(purses._purses) <= 1001
