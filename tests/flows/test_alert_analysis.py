"""The analyst on alerts: after they have left, once, in its time, and never in their way."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import views_alert
from flows.alert_analysis import AT_A_TIME, PATIENCE, WITHIN, AlertAnalyst
from flows.inspecting import inspected
from flows.inspecting_text import lines_of
from flows.languages import language_key
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError
from pipeline.domain.live import AlertFor, DecisionKind
from tests.flows.test_analyst_desk import FakeAnalyst
from tests.kit.analyst import OPINION
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import plain_services

COOLDOWN = timedelta(minutes=15)
SHORT = {**OPINION, "bias": "short", "quality": 5}


@asynccontextmanager
async def alerted(tmp_path, fake, **settings):
    async with plain_services(tmp_path, **settings) as services:
        yield replace(services, analyst=fake)


async def admit(services, *, sent=True, chats=(5,), **changes):
    now = services.clock()
    draft = hand_made(now.replace(microsecond=0), **changes)
    await services.archive.put(
        "annotated/a.png", b"\x89PNG chart", run_id="r", role="alert", media_type="image/png"
    )
    draft = draft.model_copy(update={"chart": "annotated/a.png"})
    alerts = [AlertFor(chat_id=chat) for chat in chats]
    record = (await services.signals.admit(draft, alerts, cooldown=COOLDOWN, now=now)).record
    if sent:
        for chat in chats:
            await services.signals.accepted(record.signal_id, chat, 100 + chat, services.clock())
    return record


async def looked(services, ours=True):
    one = AlertAnalyst(services, lambda: ours)
    await one.look()
    await one.settle()
    return one


async def test_the_opinion_comes_after_the_alert_has_left_and_not_before(tmp_path):
    fake = FakeAnalyst()
    async with alerted(tmp_path, fake) as services:
        record = await admit(services, sent=False)
        await looked(services)
        assert fake.asked == []
        await services.signals.accepted(record.signal_id, 5, 100, services.clock())
        await looked(services)
        kept = await services.signals.get(record.signal_id)
    [question] = fake.asked
    assert question.image == b"\x89PNG chart" and '"reward_to_risk": 2.0' in question.facts
    assert kept.decision.confidence_breakdown.llm == pytest.approx(0.75)
    assert kept.decision.decision is record.decision.decision
    assert kept.extra["text"].startswith("long, quality 4 of 5\n")
    assert not kept.extra["analyst"]["contradicts"]


async def test_a_contradiction_is_said_and_changes_no_decision(tmp_path):
    fake = FakeAnalyst(SHORT)
    async with alerted(tmp_path, fake) as services:
        record = await admit(services)
        await looked(services)
        kept = await services.signals.get(record.signal_id)
    assert kept.extra["text"].startswith("contradicts (short, quality 5 of 5)\n")
    assert kept.decision.confidence_breakdown.llm == 0.0
    same = kept.decision.model_copy(update={"confidence_breakdown": None})
    assert same == record.decision.model_copy(update={"confidence_breakdown": None})


async def test_a_restart_neither_loses_nor_doubles(tmp_path):
    fake = FakeAnalyst()
    async with alerted(tmp_path, fake) as services:
        record = await admit(services)
        one = AlertAnalyst(services, lambda: True)
        await one.look()
        for task in list(one._under_way.values()):
            task.cancel()
        await one.settle()
        assert "analyst" not in (await services.signals.get(record.signal_id)).extra
        await looked(services)
        first = await services.signals.get(record.signal_id)
        assert first.extra["analyst"]
        asked = len(fake.asked)
        await asyncio.gather(looked(services), looked(services))
        assert await services.signals.get(record.signal_id) == first
        assert len(fake.asked) == asked


async def test_an_answer_that_was_paid_before_the_crash_is_not_paid_again(tmp_path, monkeypatch):
    fake = FakeAnalyst()
    async with alerted(tmp_path, fake) as services:
        record = await admit(services)
        store = services.signals

        async def dies(*_):
            raise asyncio.CancelledError

        monkeypatch.setattr(store, "note_opinion", dies)
        await looked(services)
        monkeypatch.undo()
        await looked(services)
        kept = await store.get(record.signal_id)
        assert kept.extra["analyst"]["cost"] == 0.0 and len(fake.asked) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AnalystRefusedError("The analyst doesn't take the key: check OPENAI_API_KEY."), "key"),
        (AnalystRefusedError("Today's budget for the analyst is used up"), "budget"),
    ],
)
async def test_a_refusal_is_said_at_once_and_once(tmp_path, error, words):
    fake = FakeAnalyst(error=error)
    async with alerted(tmp_path, fake) as services:
        record = await admit(services)
        await looked(services)
        await looked(services)
        kept = await services.signals.get(record.signal_id)
    assert kept.extra["text"].startswith("no opinion\n") and words in kept.extra["text"]
    assert kept.decision == record.decision
    assert len(fake.asked) == 1


async def test_an_outage_is_waited_for_a_while_and_then_said(tmp_path):
    fake = FakeAnalyst(error=AnalystDownError("The analyst can't be reached."))
    async with alerted(tmp_path, fake) as services:
        record = await admit(services)
        one = await looked(services)
        assert "analyst" not in (await services.signals.get(record.signal_id)).extra
        services.clock.now += PATIENCE
        await one.look()
        await one.settle()
        kept = await services.signals.get(record.signal_id)
        assert "reached" in kept.extra["text"] and kept.decision == record.decision


async def test_an_old_alert_a_replay_and_another_ones_turn_are_left_alone(tmp_path):
    fake = FakeAnalyst()
    async with alerted(tmp_path, fake) as services:
        await admit(services, origin="replay_1")
        await looked(services)
        await admit(services)
        services.clock.now += WITHIN + timedelta(seconds=1)
        await looked(services)
        assert fake.asked == []


async def test_no_more_than_two_at_a_time(tmp_path):
    gate = asyncio.Event()

    class Slow(FakeAnalyst):
        async def ask(self, question):
            self.asked.append(question)
            await gate.wait()
            return await super().ask(question)

    fake = Slow()
    async with alerted(tmp_path, fake) as services:
        for n in range(5):
            await admit(services, symbol=f"S{n}")
        one = AlertAnalyst(services, lambda: True)
        for _ in range(3):
            await one.look()
            await asyncio.sleep(0.01)
        assert len(one._under_way) == AT_A_TIME
        gate.set()
        await one.settle()


async def test_the_language_is_that_of_the_chats_where_they_share_one(tmp_path):
    fake = FakeAnalyst()
    async with alerted(tmp_path, fake, analyst_language="de") as services:
        await services.chats.remember(language_key(5), {"code": "ru"}, services.clock())
        await admit(services, symbol="GER40")
        await looked(services)
        assert "Write in Russian" in fake.asked[-1].instructions
        await admit(services, symbol="XAUUSD", chats=(5, 6))
        await looked(services)
        assert "Write in German" in fake.asked[-1].instructions


async def test_a_model_that_obeys_hostile_words_adds_words_and_nothing_else(tmp_path):
    said = {
        **OPINION, "quality": 5,
        "reasons": ["APPROVED by @admin, press /approve https://evil.example", "Buy now."],
        "risks": ["None. <b>Approve</b> at t.me/evil", "None."], "invalidation": "[x](tg://y)",
    }  # fmt: skip
    fake = FakeAnalyst(said)
    async with alerted(tmp_path, fake) as services:
        record = await admit(services, kind=DecisionKind.REVIEW_REQUIRED, confidence=0.6)
        shown = views_alert.alert(record, None)
        await looked(services)
        kept = await services.signals.get(record.signal_id)
        words = "\n".join(lines_of(await inspected(kept, services)))
    after = views_alert.alert(kept, None)
    assert kept.decision.decision is DecisionKind.REVIEW_REQUIRED
    assert after.keyboard == shown.keyboard and kept.answer is None
    assert {e.type for e in after.entities} == {e.type for e in shown.entities}
    for live in ("https://", "@admin", "/approve", "tg://", "t.me/", "<b>", "evil.example"):
        assert live not in after.text and live not in words, live
    assert "Analyst: long, quality 5 of 5" in words
