"""/analyze in the chat: card and picture, what is refused, the button that looks again."""

from bot.texts import en_analyze
from tests.kit.chat import Chat
from tests.kit.sandbox import buttons_of, text_of


async def test_a_symbol_is_shown_and_a_wrong_one_refused(running: Chat):
    me = running.owner
    await me.send("/analyze EURUSD M15")
    card = await me.wait_for(lambda m: "Levels" in text_of(m) and "Setups" in text_of(m), 60)
    assert text_of(card).startswith("STALE: the newest bar closed")
    assert "Frank_raid_v1" in text_of(card)
    assert "no opinion. No analyst is set up" in text_of(card)
    assert "SYNTHETIC" in text_of(card)
    photo = await me.wait_for(lambda m: "photo" in m, 30)
    assert text_of(photo) == "EURUSD M15"
    assert [b["text"] for b in buttons_of(card)] == [en_analyze.AGAIN]
    await me.send("/analyze EURUSDX")
    refused = await me.wait_for(lambda m: "nknown symbol" in text_of(m))
    assert any("EURUSD" in b["text"] for b in buttons_of(refused))
