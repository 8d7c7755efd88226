"""Plain words in the chat: read back, confirmed by a press, and only then a run."""

from bot.texts import en, words
from tests.kit.chat import Chat
from tests.kit.sandbox import text_of

WISH = "please test the asia sweep on euro dollar in May 2025 on 5 minute bars, only longs"
COMMAND = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-31"


async def test_a_wish_in_plain_words_is_confirmed_and_then_run(running: Chat):
    me = running.owner
    sent = await me.send(WISH)
    told = await me.wait_for(
        lambda m: words.EN["confirm"] in text_of(m), 30, after=sent["message_id"]
    )
    assert COMMAND in text_of(told)
    assert "“euro dollar” → EURUSD" in text_of(told)
    assert "Not understood, and left out: only, longs" in text_of(told)
    assert await running.services.runs.newest(1) == []
    await me.press(told, words.EN["run"])
    await me.wait_for(lambda m: "Expectancy" in text_of(m), 120, after=told["message_id"])
    (run,) = await running.services.runs.newest(5)
    assert (run.request["setup_id"], run.request["start"]) == (
        "Asia_sweep_engulf_v1",
        "2025-05-01",
    )


async def test_what_is_missing_is_asked_what_is_open_is_chosen_and_talk_stays_talk(running: Chat):
    me = running.owner
    sent = await me.send("протестируй азию на евродолларе в мае 2025")
    told = await me.wait_for(
        lambda m: words.RU["which"] in text_of(m), 30, after=sent["message_id"]
    )
    assert [b["text"] for row in told["reply_markup"]["inline_keyboard"] for b in row][:2] == [
        "Asia_fvg_break_v2",
        "Asia_sweep_engulf_v1",
    ]
    sent = await me.send("test the Frankfurt raid on DAX")
    asked = await me.wait_for(
        lambda m: "Which period?" in text_of(m), 30, after=sent["message_id"]
    )
    assert asked["reply_markup"]["inline_keyboard"]
    sent = await me.send("good morning")
    await me.wait_for(lambda m: en.TALK in text_of(m), 30, after=sent["message_id"])
    assert await running.services.runs.newest(1) == []
