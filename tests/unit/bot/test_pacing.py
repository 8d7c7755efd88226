"""No chat and no moment ever gets more than the limits, whatever is asked for when."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pacing import ALL, CHAT, FOR_ALERTS, GROUP, Limit, Pacer, Window

asks = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, -10]),
        st.floats(min_value=0, max_value=2),
        st.integers(min_value=1, max_value=10),
    ),
    max_size=80,
)


def most_in(times: list[float], limit: Limit) -> int:
    times = sorted(times)
    return max((sum(t <= u < t + limit.seconds - 1e-6 for u in times) for t in times), default=0)


@given(asks)
@settings(max_examples=60, deadline=None)
def test_no_window_overflows(asked):
    pacer, now = Pacer(), 0.0
    calls: dict[int, list[float]] = {}
    parts_out: list[tuple[int, float]] = []
    for chat, gap, parts in asked:
        now += gap
        at = now + pacer.reserve(chat, now, parts)
        assert at >= now
        calls.setdefault(chat, []).append(at)
        parts_out += [(chat, at)] * parts
    for times in calls.values():
        assert all(b >= a - 1e-9 for a, b in pairwise(times))  # now + wait rounds
        assert most_in(times, CHAT) <= CHAT.count
    assert most_in([t for c, t in parts_out if c < 0], GROUP) <= GROUP.count
    assert most_in([t for _, t in parts_out], ALL) <= ALL.count


def test_a_burst_passes_and_then_one_a_second_on_average():
    pacer = Pacer()
    waits = [pacer.reserve(7, 0.0) for _ in range(7)]
    assert waits == [0, 0, 0, 3.1, 3.1, 3.1, 6.2]


def test_all_chats_share_thirty_a_second():
    pacer = Pacer()
    waits = [pacer.reserve(chat, 0.0) for chat in range(1, 61)]
    assert waits.count(0.0) == ALL.count
    assert max(waits) == ALL.seconds


def test_one_busy_chat_does_not_hold_up_another():
    pacer = Pacer()
    for _ in range(10):
        pacer.reserve(1, 0.0)
    assert pacer.reserve(2, 0.0) == 0


def test_a_group_that_waits_its_minute_holds_up_nobody():
    pacer = Pacer()
    assert [pacer.reserve(-10, 0.0, parts) for parts in (10, 10, 10)] == [0, 0, GROUP.seconds]
    assert [pacer.reserve(1, 0.0) for _ in range(4)] == [0, 0, 0, CHAT.seconds]


def test_idle_chats_are_forgotten_busy_ones_are_not():
    pacer = Pacer(keep=3)
    for chat in (1, 2):
        pacer.reserve(chat, 0.0)
    for _ in range(4):
        pacer.reserve(3, 100.0)
    assert pacer.reserve(4, 100.0) == 0
    assert pacer.reserve(3, 100.0) > 0


def test_an_album_larger_than_the_window_still_leaves():
    window = Window(Limit(3, 1.0))
    window.book(0.0, 10)
    assert window.free_at(0.5, 10) == 1.0


@given(asks)
@settings(max_examples=60, deadline=None)
def test_asking_books_nothing_and_tells_what_booking_gives(asked):
    pacer, now = Pacer(), 0.0
    for chat, gap, parts in asked:
        now += gap
        wait = pacer.wait(chat, now, parts)
        assert pacer.wait(chat, now, parts, FOR_ALERTS) >= wait
        assert pacer.reserve(chat, now, parts) == wait


@pytest.mark.parametrize("chat", [7, -7])
def test_behind_what_gives_way_there_is_always_a_place(chat):
    pacer, now, sent = Pacer(), 0.0, 0
    for _ in range(400):
        now += 0.1
        if pacer.wait(chat, now, 1, FOR_ALERTS) == 0:
            pacer.reserve(chat, now)
            sent += 1
        assert pacer.wait(chat, now) == 0
    assert sent >= (12 if chat < 0 else 20)
