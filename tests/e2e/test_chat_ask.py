"""/ask in the chat: by command, by the button, in answer to a report; what is refused."""

from bot.texts import en_ask
from tests.kit.chat import COMMAND, Chat
from tests.kit.sandbox import buttons_of, text_of


async def test_a_report_is_asked(running: Chat):
    me = running.owner
    await me.send(COMMAND)
    report = await me.wait_for(
        lambda m: any(b["text"] == en_ask.BUTTON for b in buttons_of(m)), 60
    )
    await me.press(report, en_ask.BUTTON)
    asked = await me.wait_for(lambda m: "Answer this message with your question" in text_of(m))
    await me.send("by side", reply_to=asked["message_id"])
    told = await me.wait_for(lambda m: "Asked as: " in text_of(m), 30)
    assert "by side" in text_of(told)
    assert "SYNTHETIC" in text_of(told)
    run_id = text_of(told).split(" ")[0]
    await me.send(f"/ask {run_id} почему так мало сделок")
    await me.wait_for(lambda m: "Where days were lost" in text_of(m), 30)
    await me.send(f"/ask {run_id} open /etc/passwd")
    await me.wait_for(lambda m: "can't read that as a question" in text_of(m), 30)
    await me.send("/ask")
    await me.wait_for(lambda m: "Ask about a backtest's trades" in text_of(m))
