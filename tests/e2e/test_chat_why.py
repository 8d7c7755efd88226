"""/why in the chat: a question, its answer in words and as a picture, and what is refused."""

from tests.kit.chat import Chat
from tests.kit.live_chat import admit, alert_of
from tests.kit.sandbox import text_of

SETUP = "Asia_sweep_engulf_v1"


async def test_why_answers_with_gates_and_a_picture(running: Chat):
    me = running.owner
    await me.send(f"/why EURUSD 2025-05-14 10:00 {SETUP}")
    title = f"EURUSD M5 {SETUP} v1.0, as of 2025-05-14 09:00 London"
    answer = await me.wait_for(lambda m: "Clock times: Europe/London" in text_of(m), 30)
    assert text_of(answer).startswith(title)
    photo = await me.wait_for(lambda m: "photo" in m, 30)
    assert text_of(photo) == title


async def test_why_in_short_and_what_is_refused(running: Chat):
    me = running.owner
    await me.send("/why EURUSD 2025-05-14")
    answer = await me.wait_for(lambda m: "Name a setup for all its gates" in text_of(m), 30)
    assert "Frank_raid_v1 M5: " in text_of(answer)
    await me.send("/why")
    await me.wait_for(lambda m: "Ask why there was no signal" in text_of(m))
    await me.send("/why EURUSD 03/04/2025")
    await me.wait_for(lambda m: "may be two days" in text_of(m))


async def test_why_of_a_live_signal_tells_its_decision_and_whether_this_chat_heard(running: Chat):
    me = running.owner
    record = await admit(running)
    await alert_of(me, record.signal_id)
    await me.send(f"/why {record.signal_id}")
    told = await me.wait_for(lambda m: "The gate now" in text_of(m), 30)
    assert text_of(told).startswith(f"{record.signal_id} · EURUSD M5 LONG")
    assert "1 chat got an alert" in text_of(told)
    await me.send("/why sig_live_999")
    refused = await me.wait_for(lambda m: "There is no signal sig_live_999" in text_of(m), 30)
    assert record.signal_id in str(refused)
