"""Tags are pushed apart, labels find room, text is cut: nothing covers anything."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.render.labels import Box, Placer, fit_text, push_apart, wrap_text

positions = st.lists(st.floats(0, 1000), max_size=12)


@given(positions)
@settings(max_examples=100, deadline=None)
def test_tags_keep_apart_and_in_the_frame(centres):
    placed = push_apart(centres, 40, 0, 1000)
    ordered = sorted(placed)
    assert all(b - a >= 40 - 1e-6 for a, b in pairwise(ordered))
    assert all(20 - 1e-6 <= y <= 980 + 1e-6 for y in placed)


@given(positions)
@settings(max_examples=100, deadline=None)
def test_tags_keep_their_order(centres):
    placed = push_apart(centres, 40, 0, 1000)
    for i, a in enumerate(centres):
        for j, b in enumerate(centres):
            if a < b:
                assert placed[i] < placed[j]


@given(positions)
@settings(max_examples=50, deadline=None)
def test_tags_that_have_room_stay_where_they_are(centres):
    ordered = sorted(centres)
    roomy = all(b - a >= 40 for a, b in pairwise(ordered))
    inside = all(20 <= y <= 980 for y in centres)
    if roomy and inside:
        assert push_apart(centres, 40, 0, 1000) == pytest.approx(centres)


def test_the_sum_of_squared_moves_is_the_least():
    # 500 twice and 510: any stack of three keeps the middle; the mean of the wishes is its middle.
    placed = push_apart([500, 500, 510], 40, 0, 1000)
    assert placed == pytest.approx([503.333 - 40, 503.333, 503.333 + 40], abs=0.01)


def test_cut_text_is_as_long_as_fits():
    measure = len
    assert fit_text("Frankfurt", 9, measure) == "Frankfurt"
    assert fit_text("Frankfurt", 5, measure) == "Fran…"
    assert fit_text("Frankfurt", 0, measure) == "…"
    assert fit_text("", 0, measure) == ""


def test_wrapped_text_keeps_every_word_if_there_is_room():
    lines = wrap_text("the side of the range that was not swept", 16, 3, len)
    assert " ".join(lines) == "the side of the range that was not swept"
    assert all(len(line) <= 16 for line in lines)


def test_wrapped_text_ends_in_an_ellipsis_if_there_is_none():
    assert wrap_text("one two three four five six", 10, 2, len) == ["one two", "three fou…"]
    assert wrap_text("", 10, 2, len) == []


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_placed_labels_never_meet_and_stay_inside(seed):
    rng = np.random.default_rng(seed)
    frame = Box(0, 0, 900, 1000)
    soft = np.column_stack([np.arange(0, 900, 9), rng.uniform(0, 800, 100)] * 2)
    soft[:, 2:] += 9, 150
    placer = Placer(frame, soft)
    found = [
        placer.place(
            *rng.uniform(0, 900, 2), (rng.uniform(40, 400), 34), up=bool(rng.random() < 0.5)
        )
        for _ in range(9)
    ]
    boxes = [box for box in found if box is not None]
    assert len(boxes) >= 7
    assert all(box.within(frame) for box in boxes)
    assert not any(a.meets(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_label_that_fits_nowhere_is_left_out():
    placer = Placer(Box(0, 0, 50, 50), np.empty((0, 4)))
    assert placer.place(25, 25, (100, 20), up=True) is None


def test_a_label_prefers_its_side_and_free_ground():
    placer = Placer(Box(0, 0, 500, 500), np.empty((0, 4)))
    above = placer.place(250, 250, (100, 30), up=True)
    assert above.bottom < 250
    covered = Placer(Box(0, 0, 500, 500), np.array([(0.0, 0.0, 500.0, 245.0)]))
    assert covered.place(250, 250, (100, 30), up=True).bottom > 250
