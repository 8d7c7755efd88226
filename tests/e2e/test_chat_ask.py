"""/ask in the chat: by command, by the button, in answer to a report; what is refused."""

from bot.texts import en_ask
from tests.e2e.test_chat_analyst import fake, with_analyst
from tests.kit.analyst import OPINION
from tests.kit.chat import COMMAND, Chat
from tests.kit.sandbox import buttons_of, text_of

__all__ = ["fake"]


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


async def test_the_analyst_over_http_translates_words_and_looks_at_a_symbol(
    tmp_path, sample_home, fake
):
    query = {
        "weekdays": [], "hours": [], "months": [], "years": [], "sides": ["long"],
        "exit_reasons": [], "sessions": [], "outcome": "any", "group_by": "none",
        "figures": ["count"], "rows": "groups", "order": "natural", "top": None,
    }  # fmt: skip

    def said(asked):
        fields = asked.schema["properties"]
        if "queries" in fields:
            return {"queries": [query], "funnel": False}
        if "answer" in fields:
            return {"answer": "Only a few were longs. Exactly 98765 of them won."}
        return OPINION

    fake.says(said)
    async with with_analyst(tmp_path, sample_home, fake) as running:
        me = running.owner
        await me.send("/analyze EURUSD M15")
        card = await me.wait_for(lambda m: "Levels" in text_of(m) and "Setups" in text_of(m), 60)
        assert "Analyst: long, quality 4 of 5" in text_of(card)
        assert fake.asked[0].image is not None
        await me.send(COMMAND)
        report = await me.wait_for(
            lambda m: any(b["text"] == en_ask.BUTTON for b in buttons_of(m)), 60
        )
        await me.send("do I buy well when it is calm outside", reply_to=report["message_id"])
        told = await me.wait_for(
            lambda m: "Asked as: number of trades; only long" in text_of(m), 30
        )
        assert "Only a few were longs." in text_of(told)
        assert "98765" not in text_of(told)
        assert len(fake.asked) == 3
