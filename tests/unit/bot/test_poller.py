"""The offset never passes an update that is still being handled."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.poller import Offsets

steps = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=120)


@given(steps, st.integers(0, 10**9))
@settings(max_examples=100, deadline=None)
def test_nothing_unfinished_is_confirmed_and_nothing_is_handled_twice(steps, base):
    offsets, open_, done, next_id = Offsets(), set(), set(), base
    for arrives, pick in steps:
        if arrives:
            for again in [*open_, next_id]:  # Telegram sends the unconfirmed ones again
                fresh = offsets.begin(again)
                assert fresh == (again == next_id)
            open_.add(next_id)
            next_id += 1
        elif open_:
            ended = sorted(open_)[pick % len(open_)]
            open_.discard(ended)
            done.add(ended)
            offsets.end(ended)
        assert all(offsets.offset <= update for update in open_)
        if not open_ and done:
            assert offsets.offset == next_id
        assert offsets.busy == bool(open_)


def test_numbers_that_begin_anew_are_taken():
    offsets = Offsets()
    assert offsets.begin(1000)
    offsets.end(1000)
    assert offsets.begin(5)
    assert offsets.offset == 5
