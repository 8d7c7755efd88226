"""Own labels sent to the bot: above a file, in answer to one, and one wrong cell."""

from bot.texts import en_labels
from tests.kit.chat import Chat
from tests.kit.sandbox import text_of

GOOD = b"setup_id,symbol,timeframe,side,known_at,label\nFrank_raid_v1,EURUSD,M5,long,2025-10-31T09:15Z,1\n"


async def test_labels_above_a_file(running: Chat):
    me = running.owner
    await me.send("/import labels")
    await me.wait_for(lambda m: en_labels.HOW[:40] in text_of(m), 15)
    await me.upload("mine.csv", GOOD, "/import labels")
    found = await me.wait_for(lambda m: "Labels in" in text_of(m), 30)
    assert "1 rows (1 × 1, 0 × 0); 1 added, 0 replaced" in text_of(found)
    assert "no features" in text_of(found)
    await me.upload("mine.csv", GOOD.replace(b",1\n", b",yes\n"), "/import labels")
    refused = await me.wait_for(lambda m: "Row 2, label 'yes'" in text_of(m), 30)
    assert "Traceback" not in text_of(refused)


async def test_labels_in_answer_to_a_file(running: Chat):
    me = running.owner
    file = await me.upload("mine.csv", GOOD)
    await me.send("/import labels", reply_to=file["message_id"])
    await me.wait_for(lambda m: "Labels in" in text_of(m), 30)
