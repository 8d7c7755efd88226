"""SignalStore: one suite over memory, Valkey with SQLite and Valkey with PostgreSQL.

Cooldowns are in test_cooldown, processes that die in test_signal_crashes.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.label import Label
from pipeline.domain.live import (
    LIVE,
    AlertFor,
    Answer,
    DecisionKind,
    Life,
    LifeState,
    Paper,
    Similar,
)
from pipeline.domain.report import DeliveryKind
from pipeline.domain.trade import ExitReason, Missed
from tests.kit.live_signals import CLOSE, hand_made

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
QUARTER = 15 * MINUTE
ALL = (AlertFor(chat_id=1), AlertFor(chat_id=-2, silent=True))
FIRST, SECOND = "sig_live_001", "sig_live_002"


async def admit(store, draft=None, alerts=ALL, cooldown=QUARTER, now=NOW):
    return await store.admit(draft or hand_made(), alerts, cooldown=cooldown, now=now)


async def send_all(stores, start=100):
    """Send what is owed until nothing is; return the deliveries in order."""
    outbox, store, sent = stores.outbox(), stores.signals(), []
    while found := await outbox.claim(NOW, lease=LEASE):
        for each in found:
            sent.append(each)
            message = each.message_ids[0] if each.message_ids else start + each.id
            if each.kind is DeliveryKind.ALERT:
                await store.accepted(each.payload["signal_id"], each.chat_id, message, NOW)
            await outbox.ack(each.id, NOW, [message])
    return sent


def opened(minutes: int, price: float = 1.1) -> Life:
    at = CLOSE + minutes * MINUTE
    return Life(state=LifeState.OPEN, as_of=at, entry_time=CLOSE, entry_price=price)


def expired(minutes: int) -> Life:
    at = CLOSE + minutes * MINUTE
    missed = Missed(signal_id="x", reason=ExitReason.EXPIRED, at=at)
    return Life(state=LifeState.EXPIRED, as_of=at, missed=missed)


def label_of(record, **change) -> Label:
    s = record.signal
    return Label(
        **{
            "source": record.origin, "signal_id": record.signal_id, "setup_id": s.setup_id,
            "rule_version": s.rule_version, "symbol": s.symbol, "tf": s.tf, "side": s.side.value,
            "known_at": s.known_at, "resolved_at": s.known_at + QUARTER, "label": 1, "rr": 1.9,
            "exit_reason": "TP", "decision": "approved", "confidence": 0.8,
            "features": {"atr": 1.5, "gap": None}, "feature_version": "1", **change,
        }
    )  # fmt: skip


def by(user: int, choice: str = "approved", comment: str = "") -> Answer:
    return Answer(choice=choice, user_id=user, name=f"user {user}", at=NOW, comment=comment)


class TestAdmission:
    async def test_a_signal_comes_back_whole(self, live_stores):
        draft = hand_made().model_copy(
            update={
                "ml_score": 0.66, "chart": "live/a.png", "extra": {"link": "https://n"},
                "similar": Similar(cases=3, reached=2, rate=2 / 3, se=0.27, alike="long"),
            }
        )  # fmt: skip
        admission = await admit(live_stores.signals(), draft)
        kept = await live_stores.signals().get(FIRST)
        assert admission.fresh
        assert admission.record == kept == draft.model_copy(update={"signal_id": FIRST})
        assert kept.key == draft.key

    async def test_its_chats_are_owed_it_once(self, live_stores):
        await admit(live_stores.signals())
        sent = await send_all(live_stores)
        assert {each.dedupe_key for each in sent} == {f"alert:{FIRST}:1", f"alert:{FIRST}:-2"}
        assert {each.chat_id: each.payload for each in sent} == {
            1: {"signal_id": FIRST, "silent": False, "edits": 0},
            -2: {"signal_id": FIRST, "silent": True, "edits": 0},
        }

    async def test_the_same_again_changes_nothing(self, live_stores):
        first = await admit(live_stores.signals())
        other = hand_made().model_copy(update={"run_id": "live_9", "ml_score": 0.1})
        again = await admit(live_stores.signals(), other)
        assert not again.fresh
        assert again.record == first.record
        assert len(await live_stores.signals().newest()) == 1
        assert await live_stores.outbox().pending() == 2

    async def test_the_same_from_many_at_once_is_one_and_not_suppressed(self, live_stores):
        stores = [live_stores.signals() for _ in range(4)]
        got = await asyncio.gather(*(admit(stores[n % 4]) for n in range(12)))
        assert sum(each.fresh for each in got) == 1
        assert {each.record.signal_id for each in got} == {FIRST}
        assert {each.record.decision.decision for each in got} == {DecisionKind.APPROVED}
        assert await live_stores.outbox().pending() == 2

    async def test_ids_have_no_gaps_and_never_come_twice(self, live_stores):
        stores = [live_stores.signals() for _ in range(3)]
        drafts = [hand_made(symbol=f"S{n % 12}") for n in range(24)]  # each comes twice
        got = await asyncio.gather(*(admit(stores[n % 3], d) for n, d in enumerate(drafts)))
        fresh = sorted(each.record.signal_id for each in got if each.fresh)
        assert fresh == [f"sig_live_{n:03d}" for n in range(1, 13)]

    async def test_what_alerts_nobody_is_kept_and_leaves_the_cooldown_alone(self, live_stores):
        store = live_stores.signals()
        for kind in DecisionKind:
            if not kind.alerts:
                got = await admit(store, hand_made(kind=kind, setup_id=kind.value))
                assert got.record.decision.decision is kind
        silent = await admit(store, hand_made(), alerts=())
        assert silent.record.decision.decision is DecisionKind.APPROVED
        assert await live_stores.outbox().pending() == 0
        assert await store.cooling("Frank_raid_v1", "EURUSD", LIVE, CLOSE) == ""
        assert len(await store.newest()) == 4

    async def test_one_that_a_person_decides_alerts_too(self, live_stores):
        await admit(live_stores.signals(), hand_made(kind=DecisionKind.REVIEW_REQUIRED))
        assert await live_stores.outbox().pending() == 2


class TestReading:
    async def test_in_the_orders_asked_for(self, live_stores):
        store = live_stores.signals()
        for minutes, origin in ((30, LIVE), (0, LIVE), (60, LIVE), (30, "live_9")):
            draft = hand_made(CLOSE + minutes * MINUTE, origin=origin, symbol=f"S{minutes}")
            await admit(store, draft)
        assert [s.signal_id[-1] for s in await store.newest()] == ["4", "3", "2", "1"]
        assert [s.signal_id[-1] for s in await store.newest(2, LIVE)] == ["3", "2"]
        found = await live_stores.signals().between(LIVE, CLOSE, CLOSE + 60 * MINUTE)
        assert [s.signal_id[-1] for s in found] == ["2", "1"]
        assert [s.signal_id[-1] for s in await store.following(LIVE)] == ["2", "1", "3"]
        assert [s.signal_id[-1] for s in await store.following("live_9")] == ["4"]

    async def test_what_is_not_there(self, live_stores):
        store = live_stores.signals()
        assert await store.get("sig_live_999") is None
        assert await store.newest() == await store.following(LIVE) == await store.labels() == []
        assert await store.alerts(FIRST) == await store.held(NOW) == []
        assert not await store.live_on(FIRST, opened(5), now=NOW)
        assert await store.answer(FIRST, "a", by(1), paper=None, now=NOW) == (None, False)
        await store.note_extra(FIRST, {"a": 1}, NOW)
        assert not await store.undelivered(FIRST, 1, NOW)


class TestLife:
    async def test_what_is_newer_is_written_and_shown_as_an_edit(self, live_stores):
        store = live_stores.signals()
        await admit(store)
        await send_all(live_stores)
        assert await store.live_on(FIRST, opened(5), now=NOW)
        assert (await live_stores.signals().get(FIRST)).life == opened(5)
        edits = await send_all(live_stores)
        assert Counter((e.chat_id, e.payload["edits"]) for e in edits) == {(1, 1): 1, (-2, 1): 1}
        assert all(each.message_ids for each in edits)

    @pytest.mark.parametrize("minutes", [4, 5])
    async def test_what_is_not_newer_does_nothing(self, live_stores, minutes):
        store = live_stores.signals()
        record = (await admit(store)).record
        await store.live_on(FIRST, opened(5), now=NOW)
        await send_all(live_stores)
        stale = opened(minutes, 1.2)
        reply, label = {"a": 1}, label_of(record)
        assert not await store.live_on(FIRST, stale, reply=reply, label=label, now=NOW)
        assert (await store.get(FIRST)).life == opened(5)
        assert await store.labels() == []
        assert await live_stores.outbox().pending() == 0

    async def test_of_two_that_tell_the_same_one_does(self, live_stores):
        await admit(live_stores.signals())
        await send_all(live_stores)
        stores = [live_stores.signals() for _ in range(3)]
        told = await asyncio.gather(
            *(stores[n % 3].live_on(FIRST, expired(9), reply={"n": n}, now=NOW) for n in range(6))
        )
        assert sum(told) == 1
        sent = await send_all(live_stores)
        assert Counter(each.kind for each in sent) == {
            DeliveryKind.OUTCOME: 2,
            DeliveryKind.ALERT: 2,
        }

    async def test_that_bars_were_looked_at_is_no_edit(self, live_stores):
        store = live_stores.signals()
        await admit(store)
        await store.live_on(FIRST, opened(5), now=NOW)
        await send_all(live_stores)
        assert await store.live_on(FIRST, opened(6), now=NOW)
        assert (await store.get(FIRST)).life.as_of == opened(6).as_of
        assert await live_stores.outbox().pending() == 0

    async def test_the_end_is_followed_no_more(self, live_stores):
        store = live_stores.signals()
        await admit(store)
        assert len(await store.following(LIVE)) == 1
        await store.live_on(FIRST, expired(9), now=NOW)
        assert await store.following(LIVE) == []

    async def test_a_reply_goes_to_each_chat_that_has_the_alert_or_will(self, live_stores):
        store = live_stores.signals()
        held = AlertFor(chat_id=3, held="quiet", due_at=NOW)
        await admit(store, alerts=(*ALL, held, AlertFor(chat_id=4)))
        await store.accepted(FIRST, 1, 7, NOW)
        await store.undelivered(FIRST, 4, NOW)
        await store.live_on(FIRST, expired(9), reply={"chart": "a.png"}, now=NOW)
        sent = await send_all(live_stores)
        replies = [each for each in sent if each.kind is DeliveryKind.OUTCOME]
        assert {e.dedupe_key for e in replies} == {
            f"outcome:{FIRST}:expired:1", f"outcome:{FIRST}:expired:-2",
        }  # fmt: skip
        assert all(each.payload == {"chart": "a.png"} for each in replies)
        edited = {e.chat_id for e in sent if e.kind is DeliveryKind.ALERT and e.payload["edits"]}
        assert edited == {1, -2}

    async def test_an_alert_not_sent_yet_shows_the_newest_and_stays_silent(self, live_stores):
        store = live_stores.signals()
        await admit(store, alerts=ALL[1:])
        await store.live_on(FIRST, opened(5), now=NOW)
        [only] = await send_all(live_stores)
        assert only.payload == {"signal_id": FIRST, "silent": True, "edits": 1}
        assert only.message_ids == ()

    async def test_a_paper_trade_lives_on_after_the_signal(self, live_stores):
        store = live_stores.signals()
        record = (await admit(store)).record
        await store.answer(FIRST, record.ticket, by(1), paper=Paper(plan=record.plan), now=NOW)
        await store.live_on(
            FIRST, expired(9), paper=Paper(plan=record.plan, life=opened(9)), now=NOW
        )
        assert len(await store.following(LIVE)) == 1
        later = Paper(plan=record.plan, life=expired(12))
        assert await store.live_on(FIRST, expired(9), paper=later, now=NOW)
        kept = await live_stores.signals().get(FIRST)
        assert (kept.life, kept.paper) == (expired(9), later)
        assert await store.following(LIVE) == []

    async def test_an_answer_outlives_who_did_not_know_of_it(self, live_stores):
        store = live_stores.signals()
        record = (await admit(store)).record
        paper = Paper(plan=record.plan)
        await store.answer(FIRST, record.ticket, by(1), paper=paper, now=NOW)
        await store.live_on(FIRST, opened(5), paper=None, now=NOW)
        kept = await store.get(FIRST)
        assert (kept.answer, kept.paper) == (by(1), paper)


class TestLabels:
    async def test_written_once_and_replaced(self, live_stores):
        store = live_stores.signals()
        first = (await admit(store)).record
        second = (await admit(store, hand_made(symbol="GER40"))).record
        await store.live_on(FIRST, opened(5), label=label_of(first, label=None, rr=None), now=NOW)
        await store.live_on(SECOND, opened(5), label=label_of(second, source="bt_1"), now=NOW)
        await store.live_on(FIRST, expired(9), label=label_of(first), now=NOW)
        kept = await live_stores.signals().labels()
        assert kept == [label_of(first), label_of(second, source="bt_1")]
        assert await store.labels(LIVE) == [label_of(first)]

    async def test_an_answer_before_and_after_it(self, live_stores):
        store = live_stores.signals()
        for n, symbol in enumerate(("EURUSD", "GER40"), 1):
            record = (await admit(store, hand_made(symbol=symbol))).record
            label, name = label_of(record), record.signal_id
            if n == 1:
                await store.answer(name, record.ticket[:6], by(1, "rejected"), paper=None, now=NOW)
                await store.live_on(name, expired(9), label=label, now=NOW)
            else:
                await store.live_on(name, expired(9), label=label, now=NOW)
                await store.answer(name, record.ticket[:6], by(1), paper=None, now=NOW)
        assert [each.human for each in await live_stores.signals().labels()] == [
            "skipped",
            "taken",
        ]


class TestAnswers:
    async def test_the_first_counts(self, live_stores):
        record = (await admit(live_stores.signals())).record
        paper = Paper(plan=record.plan)
        stores = [live_stores.signals() for _ in range(3)]
        got = await asyncio.gather(
            *(
                stores[n % 3].answer(FIRST, record.ticket[:8], by(n), paper=paper, now=NOW)
                for n in range(9)
            )
        )
        [winner] = [kept for kept, first in got if first]
        assert {kept.answer.user_id for kept, _ in got} == {winner.answer.user_id}
        kept = await live_stores.signals().get(FIRST)
        assert (kept.answer, kept.paper) == (winner.answer, paper)

    async def test_it_is_shown(self, live_stores):
        store = live_stores.signals()
        record = (await admit(store)).record
        await send_all(live_stores)
        said = by(7, "rejected", "no \x00 way")
        await store.answer(FIRST, record.ticket[:8], said, paper=None, now=NOW)
        assert [each.payload["edits"] for each in await send_all(live_stores)] == [1, 1]

    @pytest.mark.parametrize("ticket", ["", "zz", "0" * 17])
    async def test_another_ticket_is_not_this_one(self, live_stores, ticket):
        store = live_stores.signals()
        await admit(store)
        assert await store.answer(FIRST, ticket, by(1), paper=None, now=NOW) == (None, False)
        assert (await store.get(FIRST)).answer is None


async def test_extra_is_added_to_and_shown_only_if_new(live_stores):
    store = live_stores.signals()
    await admit(store, hand_made().model_copy(update={"extra": {"a": 1}}))
    await send_all(live_stores)
    await store.note_extra(FIRST, {"text": "later", "odd": float("inf")}, NOW)
    assert (await live_stores.signals().get(FIRST)).extra == {"a": 1, "text": "later", "odd": None}
    assert len(await send_all(live_stores)) == 2
    await store.note_extra(FIRST, {"text": "later"}, NOW)
    assert await live_stores.outbox().pending() == 0


async def test_extra_of_many_writers_is_all_there(live_stores):
    stores = [live_stores.signals() for _ in range(3)]
    await admit(stores[0])
    await asyncio.gather(*(stores[n % 3].note_extra(FIRST, {f"k{n}": n}, NOW) for n in range(9)))
    assert (await stores[0].get(FIRST)).extra == {f"k{n}": n for n in range(9)}


async def test_the_first_opinion_of_an_analyst_is_kept_and_the_decision_stays(live_stores):
    store = live_stores.signals()
    before = (await admit(store)).record
    await send_all(live_stores)
    said = {"analyst": {"quality": 2}, "text": "weak"}
    stores = [live_stores.signals() for _ in range(6)]
    found = await asyncio.gather(
        *(each.note_opinion(FIRST, 0.1 * n, said, NOW) for n, each in enumerate(stores))
    )
    assert found.count(True) == 1
    kept = await live_stores.signals().get(FIRST)
    parts = kept.decision.confidence_breakdown
    assert parts.llm == pytest.approx(0.1 * found.index(True))
    assert kept.decision.decision is before.decision.decision
    assert kept.extra == said and kept.signal == before.signal and kept.receipt == before.receipt
    assert len(await send_all(live_stores)) == 2, "an edit for each chat"
    assert not await store.note_opinion("sig_live_999", None, said, NOW)


class TestAlerts:
    async def test_the_first_acceptance_counts(self, live_stores):
        store = live_stores.signals()
        await admit(store)
        first = await store.accepted(FIRST, 1, 70, NOW)
        again = await live_stores.signals().accepted(FIRST, 1, 71, NOW + MINUTE)
        assert again == first
        assert (first.message_id, first.accepted_at) == (70, NOW)
        assert await store.alerts(FIRST) == [first]

    async def test_when_they_were_accepted(self, live_stores):
        store = live_stores.signals()
        await admit(store)
        await admit(store, hand_made(origin="live_9"), alerts=ALL[:1])
        await store.accepted(FIRST, 1, 70, NOW + 2 * MINUTE)
        await store.accepted(SECOND, 1, 71, NOW + MINUTE)
        await store.accepted(FIRST, -2, 72, NOW + 3 * MINUTE)
        window = NOW, NOW + 3 * MINUTE
        assert [e.message_id for e in await store.accepted_between(*window)] == [71, 70]
        assert [e.message_id for e in await store.accepted_between(*window, LIVE)] == [70]
        assert [e.chat_id for e in await store.alerts(FIRST)] == [-2, 1]

    async def test_how_many_each_chat_is_owed(self, live_stores):
        store = live_stores.signals()
        held = AlertFor(chat_id=3, held="hour", due_at=NOW)
        await admit(store, alerts=(*ALL, held))
        await admit(store, hand_made(symbol="GER40"), alerts=ALL)
        await admit(store, hand_made(origin="live_9"), alerts=ALL)
        await store.accepted(FIRST, 1, 70, NOW)
        await store.undelivered(FIRST, -2, NOW)
        assert await live_stores.signals().owed(LIVE) == {-2: 1, 1: 1}
        await store.accepted(SECOND, 1, 71, NOW)
        assert await store.owed(LIVE) == {-2: 1}
        await store.live_on(SECOND, opened(5), now=NOW)  # an edit is no alert that waits
        assert await store.owed(LIVE) == {-2: 1}

    async def test_an_edit_that_failed_takes_nothing_away(self, live_stores):
        store = live_stores.signals()
        await admit(store)
        await store.accepted(FIRST, 1, 70, NOW)
        assert not await store.undelivered(FIRST, 1, NOW)
        assert len(await store.alerts(FIRST)) == 1
        await store.live_on(FIRST, opened(5), now=NOW)
        assert {e.chat_id for e in await send_all(live_stores) if e.payload["edits"]} == {1, -2}

    async def test_a_chat_that_will_never_have_it_gets_no_edits(self, live_stores):
        store, outbox = live_stores.signals(), live_stores.outbox()
        await admit(store, alerts=ALL[:1])
        [alert] = await outbox.claim(NOW, lease=LEASE)
        await store.undelivered(FIRST, 1, NOW)
        await outbox.fail(alert.id, NOW, "blocked")
        await store.live_on(FIRST, expired(9), reply={}, now=NOW)
        assert await outbox.pending() == 0


class TestDigests:
    def waiting(self, chat: int = 3, minutes: int = 0) -> AlertFor:
        return AlertFor(chat_id=chat, held="quiet", due_at=NOW + minutes * MINUTE)

    async def test_what_is_held_is_told_once_all_listed(self, live_stores):
        store = live_stores.signals()
        for n in range(3):
            await admit(store, hand_made(symbol=f"S{n}"), alerts=[self.waiting()])
        assert await live_stores.outbox().pending() == 0
        held = await live_stores.signals().held(NOW)
        assert [each.signal_id[-1] for each in held] == ["1", "2", "3"]
        stores = [live_stores.signals() for _ in range(3)]
        told = await asyncio.gather(*(stores[n % 3].digest(3, held, NOW) for n in range(6)))
        assert sum(told) == 1
        [digest] = await send_all(live_stores)
        ids = [f"sig_live_{n:03d}" for n in (1, 2, 3)]
        assert (digest.kind, digest.chat_id) == (DeliveryKind.DIGEST, 3)
        assert digest.payload == {"signal_ids": ids, "held": dict.fromkeys(ids, "quiet")}
        assert await store.held(NOW) == []

    async def test_by_chat_when_due(self, live_stores):
        store = live_stores.signals()
        await admit(store, alerts=[self.waiting(5), self.waiting(3, 10)])
        await admit(
            store,
            hand_made(symbol="X"),
            alerts=[self.waiting(3), AlertFor(chat_id=9, held="hour")],
        )
        found = [(h.chat_id, h.signal_id[-1], h.held) for h in await store.held(NOW)]
        assert found == [(3, "2", "quiet"), (5, "1", "quiet"), (9, "2", "hour")]
        later = await store.held(NOW + 10 * MINUTE)
        assert [(h.chat_id, h.signal_id[-1]) for h in later] == [
            (3, "1"),
            (3, "2"),
            (5, "1"),
            (9, "2"),
        ]

    async def test_all_or_nothing(self, live_stores):
        store = live_stores.signals()
        for n in range(3):
            await admit(store, hand_made(symbol=f"S{n}"), alerts=[self.waiting()])
        one, two, three = await store.held(NOW)
        assert not await store.digest(3, [], NOW)
        assert not await store.digest(4, [one], NOW)
        assert await store.digest(3, [two], NOW)
        assert not await store.digest(3, [one, two, three], NOW)
        assert [each.id for each in await store.held(NOW)] == [one.id, three.id]
        assert await store.digest(3, [one, three], NOW)
        assert len(await send_all(live_stores)) == 2
