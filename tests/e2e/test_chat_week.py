"""/week in the chat: the card as a picture with its words, a week of nothing, and what is refused."""

from datetime import timedelta

from flows.weekly import send_weekly_cards
from pipeline.domain.trade import ExitReason
from pipeline.domain.watch import Watch
from pipeline.live.weeks import week_ended
from tests.kit.chat import Chat
from tests.kit.live_signals import hand_made
from tests.kit.live_week import ended
from tests.kit.plain_services import NOW
from tests.kit.sandbox import text_of


async def test_a_week_asked_for_and_one_that_comes_by_itself(running: Chat):
    me, signals = running.owner, running.services.signals
    _, end = week_ended(running.services.clock(), "Europe/Berlin")
    record = (
        await signals.admit(hand_made(end - timedelta(days=3)), [], cooldown=timedelta(0), now=NOW)
    ).record
    await signals.live_on(record.signal_id, ended(record, 2.0, ExitReason.TP), now=NOW)
    await me.send("/week last")
    words = "Not answered (1): +2.00 R, 1 trade, mean +2.00 R, too few to tell"
    photo = await me.wait_for(lambda m: "photo" in m, 60)
    assert text_of(photo).startswith("Week to Sun ")
    assert words in text_of(photo)

    chat_id = photo["chat"]["id"]
    await running.services.watches.put(Watch(chat_id=chat_id), NOW)
    assert await send_weekly_cards(running.services, end + timedelta(minutes=5)) == 1
    known = photo["message_id"]
    sent = await me.wait_for(lambda m: "photo" in m and m["message_id"] > known, 60)
    assert text_of(sent) == text_of(photo)


async def test_a_week_of_nothing_and_what_is_refused(running: Chat):
    me = running.owner
    await me.send("/week 2020-01-08")
    answer = await me.wait_for(lambda m: "No signals." in text_of(m), 30)
    assert text_of(answer).startswith("Week to Sun 12 Jan 2020")
    await me.send("/week whenever")
    await me.wait_for(lambda m: "is no week" in text_of(m), 30)
