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
                fresh = offsets.begin(again, offsets.offset)
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


@given(steps)
@settings(max_examples=100, deadline=None)
def test_an_answer_asked_for_before_a_handler_ended_repeats_nothing(steps):
    offsets, handled, next_id = Offsets(), [], 0
    asked, answer = 0, []
    for arrives, pick in steps:
        if arrives:
            next_id += 1
        # The answer arrives now, whatever has ended since it was asked for.
        handled += [update for update in answer if offsets.begin(update, asked)]
        asked = offsets.offset
        answer = list(range(max(asked, 1), next_id + 1))
        for update in answer[: pick % 3]:
            offsets.end(update)
    assert handled == sorted(set(handled))


def test_numbers_that_begin_anew_are_taken():
    offsets = Offsets()
    assert offsets.begin(1000, 0)
    offsets.end(1000)
    assert offsets.begin(5, offsets.offset)
    assert offsets.offset == 5
