"""A signal's whole life over HTTP: alerted, approved, filled, at its target, told in reply."""

from io import BytesIO

from PIL import Image

from flows.answering import answer_signal
from flows.outcomes import follow_signals
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel
from tests.kit.chat import Chat
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_chat import admit, alert_of, nothing_owed
from tests.kit.sandbox import text_of


async def test_an_approved_signal_is_followed_to_its_end(running: Chat):
    me, services = running.owner, running.services
    record = await admit(running, tf=Timeframe.M1)
    alert = await alert_of(me, record.signal_id)
    who = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=me.chat_id, name="Ann")
    answered = await answer_signal(record.signal_id, record.ticket[:8], "approved", who, services)
    assert answered.verdict == "accepted"

    bars = minutes_of(0.1, 1.0, 2.2, start=record.signal.known_at)
    closes = await see(services, bars)
    assert await follow_signals(LIVE, closes, services, now=services.clock()) == 1
    reply = await me.wait_for(lambda m: "reply_to_message" in m, 60)
    assert reply["reply_to_message"]["message_id"] == alert["message_id"]
    assert "photo" in reply
    kept = await services.signals.get(record.signal_id)
    path = f"annotated/{record.signal_id}_outcome.png"
    assert Image.open(BytesIO(await services.archive.get(path))).size == (1080, 1350)
    assert kept.life.trade.rr > kept.paper.life.trade.rr > 1
    (label,) = await services.signals.labels(LIVE)
    assert (label.label, label.human) == (1, "taken")

    await nothing_owed(running, 60)
    last = await alert_of(me, record.signal_id, "Ann", seconds=30)
    assert last["message_id"] == alert["message_id"]
    for message in (last, reply):
        assert "Closed +2.0 R at target" in text_of(message)
        assert "On paper: Closed +1.7 R at target" in text_of(message)
        assert "Approved by Ann" in text_of(message)
