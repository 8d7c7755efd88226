"""The catalogue in the chat: listed, one told and drawn, a typo with the near ones as buttons."""

from tests.kit.chat import Chat
from tests.kit.sandbox import buttons_of, text_of


async def test_the_catalogue_is_listed_told_and_drawn(running: Chat):
    me = running.owner
    await me.send("/tools")
    listed = await me.wait_for(lambda m: "what setups are made of" in text_of(m), 120)
    assert "fair_value_gap: Fair value gap" in text_of(listed)
    await me.press(listed, "swing")
    told = await me.wait_for(lambda m: "bars on either side of the turn" in text_of(m), 30)
    assert "k: 5" in text_of(told)
    drawn = await me.wait_for(lambda m: "photo" in m, 30)
    assert "hand-made bars" in text_of(drawn)

    await me.send("/tools fvg")
    await me.wait_for(lambda m: "inverted: a bar closes beyond" in text_of(m), 30)
    await me.send("/tools fair_gap_value")
    refusal = await me.wait_for(lambda m: "Unknown tool" in text_of(m), 30)
    assert next(b["text"] for b in buttons_of(refusal)) == "fair_value_gap"
