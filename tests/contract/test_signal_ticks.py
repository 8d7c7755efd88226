"""Answered signals as the journal reads them, and its ticks on their labels."""

from datetime import timedelta

from pipeline.domain.live import TICK, AlertFor, Answer, Life, LifeState
from pipeline.live.labels import label_of
from tests.kit.live_signals import CLOSE, hand_made

NOW = CLOSE + timedelta(minutes=1)


def at(minutes):
    return NOW + timedelta(minutes=minutes)


async def admitted(signals, minutes=0, **more):
    draft = hand_made(CLOSE + timedelta(minutes=minutes), **more)
    alerts = [AlertFor(chat_id=7)]
    return (await signals.admit(draft, alerts, cooldown=timedelta(0), now=NOW)).record


async def answered(signals, record, choice="approved", minutes=1):
    said = Answer(choice=choice, user_id=1, name="Ann", at=at(minutes))
    await signals.answer(record.signal_id, record.ticket, said, paper=None, now=at(minutes))


def names(records):
    return [record.signal_id for record in records]


async def test_answered_signals_by_when_they_changed(live_stores):
    signals = live_stores.signals()
    later, first, _ = [await admitted(signals, m) for m in (9, 3, 6)]
    assert await signals.answered(CLOSE) == []
    await answered(signals, later, minutes=1)
    await answered(signals, first, "rejected", minutes=5)
    assert names(await signals.answered(CLOSE)) == names([first, later])
    assert names(await signals.answered(at(5))) == names([first])
    assert await signals.answered(at(6)) == []
    await signals.note_extra(later.signal_id, {"link": "https://x.test/1"}, at(7))
    assert names(await signals.answered(at(6))) == names([later])


async def test_a_tick_is_the_word_on_labels_before_and_after_they_are_written(live_stores):
    signals = live_stores.signals()
    for known, order in enumerate((("tick", "label"), ("label", "tick"))):
        record = await admitted(signals, 5 * known)
        await answered(signals, record)
        for step in order:
            if step == "tick":
                said = {TICK: {"taken": "skipped", "note": ""}}
                await signals.note_extra(record.signal_id, said, at(2))
            else:
                await ended(signals, record)
        [label] = [x for x in await signals.labels() if x.signal_id == record.signal_id]
        assert label.human == "skipped", order
        await signals.note_extra(record.signal_id, {TICK: {"taken": "", "note": ""}}, at(4))
        [label] = [x for x in await signals.labels() if x.signal_id == record.signal_id]
        assert label.human == "taken"


async def ended(signals, record):
    from pipeline.domain.trade import ExitReason, Missed

    missed = Missed(signal_id=record.signal_id, reason=ExitReason.EXPIRED, at=at(3))
    life = Life(state=LifeState.EXPIRED, as_of=at(3), missed=missed)
    await signals.live_on(record.signal_id, life, label=label_of(record, life), now=at(3))
