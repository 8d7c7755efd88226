"""Two backtests compared in the chat: words, a picture, and a question where two aren't named."""

from bot.texts import en_compare
from tests.kit.chat import COMMAND, Chat
from tests.kit.sandbox import text_of


async def test_two_runs_are_compared_in_words_and_drawn(running: Chat):
    me = running.owner
    for command in (COMMAND, f"{COMMAND} rr=1"):
        sent = await me.send(command)
        await me.wait_for(lambda m: "Expectancy" in text_of(m), 120, after=sent["message_id"])
    two, one = [run.run_id for run in await running.services.runs.newest(2)]
    asked = await me.send("/compare")
    await me.wait_for(lambda m: text_of(m) == en_compare.WHICH, 60, after=asked["message_id"])
    asked = await me.send(f"/compare {one} {two}")
    after = asked["message_id"]
    told = await me.wait_for(lambda m: en_compare.TITLE in text_of(m), 60, after=after)
    assert "rr target: none → 1" in text_of(told)
    caption = f"A {one}, B {two}"
    await me.wait_for(lambda m: "photo" in m and text_of(m) == caption, 60, after=after)
    wrong = await me.send(f"/compare {one} bt_2020_01_01_001")
    await me.wait_for(lambda m: "There is no run" in text_of(m), 30, after=wrong["message_id"])
