"""The weekly card's picture and its words."""

from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.live.weekly import week_card
from pipeline.live.weeks import week_of
from pipeline.render.theme import TV_DARK, TV_LIGHT
from pipeline.render.week_chart import draw_week, week_chart
from pipeline.render.week_words import counts_words, lines_of, title_words
from tests.kit.live_signals import CLOSE
from tests.kit.live_week import drawn_week, lived
from tests.kit.tidy import assert_tidy, words_of
from tests.unit.pipeline.live.test_weekly import hand_made_week

WEEK = week_of(CLOSE, "Europe/Berlin")


def card_of(seed, n, setups=4):
    return week_card(drawn_week(np.random.default_rng(seed), n, setups), *WEEK)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "setups"), [(0, 1), (1, 1), (8, 4), (60, 4), (500, 9), (40, 40)])
@pytest.mark.parametrize("theme", [TV_DARK, TV_LIGHT])
def test_cards_are_tidy(n, setups, theme):
    words = ("Week to Sun 16 Mar 2025, so far", "2025-03-16")
    canvas = draw_week(card_of(n, n, setups), words, theme, synthetic=n == 8)
    assert_tidy(canvas)


def test_long_names_are_cut():
    long = "A_setup_whose_author_could_not_stop_before_the_sixty_fourth_char"
    records = [lived(setup_id=long), *hand_made_week()]
    assert_tidy(draw_week(week_card(records, *WEEK), ("t", "f"), TV_DARK))


def test_the_picture_says_what_the_card_says():
    canvas = draw_week(week_card(hand_made_week(), *WEEK), ("t", "f"), TV_DARK)
    texts = [text for text, _, _ in words_of(canvas)]
    for words in (
        "+0.25 R", "−2.50 R", "+3.00 R", "2 trades, mean −1.25 ± 0.25 R, too few to tell · saved 2.50 R",
        "The approved ones taken at once: +2.00 R", "10 signals, 7 trades, 1 still running",
        "confidence 0.79, score 0.60; target 3 of 4, 75% ± 22%, too few to tell",
    ):  # fmt: skip
        assert words in texts, words


def test_the_card_in_words():
    card = week_card(hand_made_week(), *WEEK)
    assert lines_of(card) == [
        "Approved, on paper (3): +0.25 R, 2 trades, mean +0.12 ± 1.37 R, too few to tell",
        "Rejected (2): −2.50 R, 2 trades, mean −1.25 ± 0.25 R, too few to tell; saved 2.50 R",
        "Not answered (2): +3.00 R, 1 trade, mean +3.00 R, too few to tell",
        "Below the gate (1): no trade",
        "Suppressed by the cooldown (1): +1.90 R, 1 trade, mean +1.90 R, too few to tell",
        "Late (1): −1.00 R, 1 trade, mean −1.00 R, too few to tell",
        "The approved ones taken at once: +2.00 R",
        "All filled: confidence 0.83, score 0.60; target 4 of 8, 50% ± 18%, too few to tell",
    ]
    assert counts_words(card) == "10 signals, 7 trades, 1 still running"
    _, end = WEEK
    assert title_words(card, "Europe/Berlin", end) == "Week to Sun 16 Mar 2025"
    assert title_words(card, "Europe/Berlin", end - timedelta(1)).endswith(", so far")


def test_size_and_same_bytes():
    one, two = (week_chart(card_of(3, 30), title="t").png for _ in range(2))
    assert one == two
    assert Image.open(BytesIO(one)).size == (1080, 1350)
