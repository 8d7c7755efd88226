"""The breaker against a plain account of what it promises."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analysis.breaker import Breaker

START = datetime(2026, 11, 26, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60))
@settings(max_examples=200, deadline=None)
def test_it_opens_after_three_in_a_row_and_lets_one_try_when_the_pause_is_over(calls):
    breaker, now = Breaker(), START
    row, until, wait = 0, None, 0
    for good, gap in calls:
        now += gap * SECOND
        admitted = breaker.admits(now)
        assert admitted == (until is None or now >= until)
        assert breaker.left(now) == max((until or now) - now, timedelta(0))
        if not admitted:
            continue
        if good:
            breaker.worked()
            row, until, wait = 0, None, 0
        else:
            breaker.failed(now)
            row += 1
            if row >= 3 or until is not None:
                wait = min(max(2 * wait, 30), 600)
                until = now + wait * SECOND


def test_one_trial_at_a_time_and_a_trial_given_up_makes_room():
    breaker, now = Breaker(), START
    for _ in range(3):
        assert breaker.admits(now)
        breaker.failed(now)
    now += 30 * SECOND
    assert breaker.admits(now) and not breaker.admits(now)
    breaker.unsaid()
    assert breaker.admits(now)
    breaker.failed(now)
    assert not breaker.admits(now + 59 * SECOND) and breaker.admits(now + 60 * SECOND)
