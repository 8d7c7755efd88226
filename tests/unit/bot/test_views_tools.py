"""The catalogue in the chat fits what Telegram takes, whole, with a button for each tool."""

import pytest

from bot import views_tools
from bot.layout import CAPTION_LIMIT, CUT, MESSAGE_LIMIT, units
from flows.catalogue import compute_cards

CARDS = compute_cards()


def test_the_list_names_every_tool_with_its_button():
    view = views_tools.tools(CARDS)
    assert units(view.text) <= MESSAGE_LIMIT
    assert CUT not in view.text
    assert view.keyboard
    labels = [b.text for row in view.keyboard.inline_keyboard for b in row]
    assert labels == [card.name for card in CARDS]
    assert all(f"{card.name}: {card.title}" in view.text for card in CARDS)
    data = [b.callback_data for row in view.keyboard.inline_keyboard for b in row]
    assert all(len(d.encode()) <= 64 for d in data if d)


@pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)
def test_a_tool_is_told_whole(card):
    view = views_tools.tool(card)
    assert units(view.text) <= MESSAGE_LIMIT
    assert CUT not in view.text
    assert len(view.entities) < 100
    for word in (card.about, card.source, *dict(card.events), *dict(card.inputs)):
        assert word in view.text
    for parameter in card.parameters:
        assert f"{parameter.name}: {parameter.default}" in view.text
        assert parameter.meaning in view.text
    assert units(views_tools.caption(card).text) <= CAPTION_LIMIT
