"""Which tool a word means: names, short names, events; what none has is refused with the near."""

import pytest

from flows.catalogue import compute_cards, tool_named
from pipeline.domain.errors import BadRequestError

CARDS = compute_cards()


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("fair_value_gap", "fair_value_gap"),
        ("FairValueGap", "fair_value_gap"),
        ("fair-value gap", "fair_value_gap"),
        ("FVG", "fair_value_gap"),
        ("bos", "structure"),
        ("sweep", "raid"),
        ("accepted_break", "raid"),
        ("Average true range", "atr"),
    ],
)
def test_a_tool_is_known_by_name_title_short_name_and_event(word, name):
    assert tool_named(word, CARDS).name == name


@pytest.mark.parametrize(
    ("word", "near"),
    [("fair_valu_gap", "fair_value_gap"), ("swng", "swing"), ("sessoin_range", "session_range")],
)
def test_a_typo_is_refused_with_the_near_ones(word, near):
    with pytest.raises(BadRequestError, match=f"unknown tool '{word}': did you mean {near}") as e:
        tool_named(word, CARDS)
    assert e.value.closest[0] == near


def test_an_event_of_many_means_none_of_them():
    with pytest.raises(BadRequestError) as caught:
        tool_named("formed", CARDS)
    givers = {card.name for card in CARDS if "formed" in dict(card.events)}
    assert len(givers) > 1
    assert set(caught.value.closest) <= givers | {card.name for card in CARDS}
    assert caught.value.closest[0] in givers


def test_short_names_and_titles_mean_one_tool_each():
    for card in CARDS:
        for word in (card.name, card.title, *card.also):
            assert tool_named(word, CARDS).name == card.name, word


def test_nonsense_has_no_neighbours():
    with pytest.raises(BadRequestError, match=r"unknown tool 'qqqq'\.$"):
        tool_named("qqqq", CARDS)
