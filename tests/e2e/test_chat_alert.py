"""Alerts in the chat, over HTTP: one message a signal, alive, answered once, whatever fails."""

import asyncio
from datetime import timedelta

import pytest

from bot.delivery import LEASE
from bot.keyboards_alert import TicketCb
from bot.texts import en_alert as en
from pipeline.domain.errors import StoreDownError
from pipeline.domain.live import AlertFor, Life, LifeState
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import Watch
from tests.kit.chat import at, chat
from tests.kit.live_chat import admit, alert_of, alerts_in, labels, nothing_owed, png
from tests.kit.live_signals import hand_made
from tests.kit.sandbox import text_of
from tests.unit.bot.test_views_alert import trade_of


@pytest.fixture
async def running(tmp_path):
    async with chat(tmp_path) as found:
        yield found


def entities_of(message) -> set[str]:
    return {e["type"] for e in message.get("caption_entities") or message.get("entities") or ()}


async def test_a_signal_arrives_as_a_photo_with_its_ticket_and_buttons(running):
    record = await admit(running)
    alert = await alert_of(running.owner, record.signal_id)
    assert "photo" in alert
    assert text_of(alert).startswith(
        "APPROVED\nLONG EURUSD M5 · Frank_raid_v1 v1.0\n\nEntry 1.10000"
    )
    assert {"bold", "code", "date_time", "expandable_blockquote"} <= entities_of(alert)
    assert labels(alert) == [
        en.APPROVE, en.REJECT, "Entry 1.10000", "Stop 1.09900", "Target 1.10200", en.INSPECT,
        en.MUTE,
    ]  # fmt: skip
    whole = await alert_of(running.owner, record.signal_id, "→ Telegram")
    assert whole["message_id"] == alert["message_id"]
    assert labels(whole) == labels(alert), "an edit keeps the buttons"
    await nothing_owed(running)
    assert len(alerts_in(await running.owner.messages(), record.signal_id)) == 1
    [sent] = await running.services.signals.alerts(record.signal_id)
    assert (sent.chat_id, sent.message_id) == (running.owner.chat_id, alert["message_id"])


@pytest.mark.parametrize("chart", [None, b"no picture at all"])
async def test_without_a_chart_the_words_arrive_all_the_same(running, chart):
    record = await admit(running, chart=chart)
    alert = await alert_of(running.owner, record.signal_id)
    assert "photo" not in alert
    whole = await alert_of(running.owner, record.signal_id, "→ Telegram")
    assert labels(whole)[:2] == [en.APPROVE, en.REJECT]
    assert len(alerts_in(await running.owner.messages(), record.signal_id)) == 1


async def test_the_message_lives_on_and_the_outcome_is_a_reply(running):
    signals, clock = running.services.signals, running.services.clock
    record = await admit(running)
    alert = await alert_of(running.owner, record.signal_id)
    at = record.signal.known_at + timedelta(minutes=5)
    opened = Life(state=LifeState.OPEN, as_of=at, entry_time=at, entry_price=1.10003)
    assert await signals.live_on(record.signal_id, opened, now=clock())
    await alert_of(running.owner, record.signal_id, "Filled at 1.10003")
    at += timedelta(minutes=5)
    ended = Life(state=LifeState.CLOSED, as_of=at, trade=trade_of(1.93, at=at))
    await running.services.archive.put(
        "annotated/outcome.png", png(), run_id="r", role="outcome", media_type="image/png"
    )
    reply = {"signal_id": record.signal_id, "state": "closed", "chart": "annotated/outcome.png"}
    assert await signals.live_on(record.signal_id, ended, reply=reply, now=clock())
    outcome = await running.owner.wait_for(lambda m: "reply_to_message" in m)
    assert outcome["reply_to_message"]["message_id"] == alert["message_id"]
    assert "photo" in outcome
    assert text_of(outcome).startswith("Closed +1.9 R at target")
    edited = await alert_of(running.owner, record.signal_id, "Closed +1.9 R at target")
    assert edited["message_id"] == alert["message_id"]
    assert en.APPROVE not in labels(edited)
    assert {"Closed", en.INSPECT, en.MUTE} <= set(labels(edited))


async def test_an_alert_that_somebody_deleted_is_not_sent_anew(running):
    record = await admit(running)
    alert = await alert_of(running.owner, record.signal_id)
    await running.sandbox.bot().delete_message(running.owner.chat_id, alert["message_id"])
    await nothing_owed(running)
    assert alerts_in(await running.owner.messages(), record.signal_id) == []
    at = record.signal.known_at + timedelta(minutes=5)
    ended = Life(state=LifeState.CLOSED, as_of=at, trade=trade_of(-1.0, at=at))
    reply = {"signal_id": record.signal_id, "state": "closed", "chart": ""}
    now = running.services.clock()
    await running.services.signals.live_on(record.signal_id, ended, reply=reply, now=now)
    outcome = await running.owner.wait_for(lambda m: "Closed" in text_of(m))
    assert "reply_to_message" not in outcome


class TestAnswers:
    async def test_approving_is_told_at_once_and_stays_on_the_message(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        said = await running.owner.answer(await running.owner.press(alert, en.APPROVE))
        assert said["text"] == en.ACCEPTED["approved"]
        edited = await alert_of(running.owner, record.signal_id, "Approved by")
        assert not {en.APPROVE, en.REJECT} & set(labels(edited))
        kept = await running.services.signals.get(record.signal_id)
        assert (kept.answer.choice, kept.answer.user_id) == ("approved", running.owner.user_id)
        assert kept.paper is not None
        again = await running.owner.answer(await running.owner.press(edited, "Approved by"))
        assert "Approved by" in again["text"]

    async def test_of_two_taps_the_first_counts(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        one, two = await asyncio.gather(
            running.owner.press(alert, en.APPROVE), running.owner.press(alert, en.REJECT)
        )
        answers = [await running.owner.answer(one), await running.owner.answer(two)]
        said = [a["text"] for a in answers]
        kept = (await running.services.signals.get(record.signal_id)).answer
        assert said.count(en.ACCEPTED[kept.choice]) == 1
        assert sum(en.NOTHING_CHANGED in text for text in said) == 1

    async def test_forged_stale_and_foreign_presses_change_nothing(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        group = await running.sandbox.add_group("Desk", running.owner)
        there = running.sandbox.person(running.owner.user_id, group)
        await there.send("/runs")
        foreign = await there.wait_for(lambda m: m["from"]["is_bot"])
        good = TicketCb(signal_id=record.signal_id, ticket=record.ticket[:8], choice="a").pack()
        assert await said_to(there, foreign, good) == en.NOT_HERE
        for data, words in (
            (good.replace(record.ticket[:8], "0" * 8), "other terms"),
            (good.replace(record.ticket[:8], ""), "other terms"),
            (good.replace(record.signal_id, "sig_live_999"), en.NOT_HERE),
            (good[:-1] + "x", "out of date"),
            ("tk:" + "a" * 40, "out of date"),
        ):
            assert words in await said_to(running.owner, alert, data)
        assert (await running.services.signals.get(record.signal_id)).answer is None

    async def test_in_a_group_only_permitted_taps_count(self, running):
        viewer = await running.sandbox.add_person("Vera")
        stranger = await running.sandbox.add_person("Eve")
        clock = running.services.clock
        await running.services.chats.set_role(viewer.user_id, "viewer", clock())
        group = await running.sandbox.add_group("Desk", running.owner, viewer, stranger)
        owner, vera, eve = (
            running.sandbox.person(p.user_id, group) for p in (running.owner, viewer, stranger)
        )
        record = await admit(running, group)
        alert = await alert_of(owner, record.signal_id)
        await eve.press(alert, en.APPROVE)
        told = await vera.answer(await vera.press(alert, en.APPROVE))
        assert "needs the role trader" in told["text"]
        assert (await running.services.signals.get(record.signal_id)).answer is None
        await owner.answer(await owner.press(alert, en.REJECT))
        await alert_of(owner, record.signal_id, "Rejected by")

    async def test_a_ticket_that_ran_out_says_how_and_loses_its_buttons(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        clock = running.services.clock
        late = timedelta(hours=3)
        await running.stop()
        running.services = at(running.services, clock=lambda: clock() + late)
        await running.start()
        said = await running.owner.answer(await running.owner.press(alert, en.APPROVE), 15)
        assert en.NOTHING_CHANGED in said["text"]
        edited = await alert_of(running.owner, record.signal_id, en.TICKET_OVER)
        assert en.APPROVE not in labels(edited)
        assert (await running.services.signals.get(record.signal_id)).answer is None

    async def test_a_reply_is_the_comment(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        await running.owner.send("too early", reply_to=alert["message_id"])
        await running.owner.wait_for(lambda m: "first" in text_of(m) and "comment" in text_of(m))
        await running.owner.answer(await running.owner.press(alert, en.REJECT))
        await running.owner.send("news at ten", reply_to=alert["message_id"])
        await alert_of(running.owner, record.signal_id, "news at ten")
        kept = await running.services.signals.get(record.signal_id)
        [note] = [v for k, v in kept.extra.items() if k.startswith("comment:")]
        assert note["text"] == "news at ten"
        trail = await running.services.audit.newest(10)
        assert [e.verdict for e in trail if e.action == "comment"] == ["accepted", "refused"]


class TestMute:
    async def test_the_choice_opens_closes_and_is_kept(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id, "→ Telegram")
        owner, signal_id = running.owner, record.signal_id
        await owner.press(alert, en.MUTE)
        opened = await owner.wait_for(lambda m: en.MUTE_HOUR in labels(m))
        assert en.APPROVE not in labels(opened)
        assert en.UNMUTE not in labels(opened)
        await owner.press(opened, en.BACK)
        closed = await owner.wait_for(lambda m: en.APPROVE in labels(m))
        await owner.press(closed, en.MUTE)
        opened = await owner.wait_for(lambda m: en.MUTE_HOUR in labels(m))
        await owner.press(opened, en.MUTE_HOUR)
        told = await owner.wait_for(lambda m: "is muted in this chat until" in text_of(m))
        await alert_of(owner, signal_id)
        watch = await running.services.watches.get(owner.chat_id)
        left = watch.muted["Frank_raid_v1"].until - running.services.clock()
        assert timedelta(minutes=59) < left <= timedelta(hours=1)
        await owner.press(told, en.UNMUTE)
        await owner.wait_for(lambda m: en.unmuted("Frank_raid_v1") in text_of(m))
        assert (await running.services.watches.get(owner.chat_id)).muted == {}

    @pytest.mark.parametrize("label", [en.MUTE_TODAY, en.MUTE_ON])
    async def test_today_and_for_good(self, running, label):
        owner, now = running.owner, running.services.clock()
        await running.services.watches.put(Watch(chat_id=owner.chat_id, zone="Asia/Tokyo"), now)
        record = await admit(running)
        await owner.press(await alert_of(owner, record.signal_id), en.MUTE)
        opened = await owner.wait_for(lambda m: en.MUTE_HOUR in labels(m))
        await owner.press(opened, label)
        told = await owner.wait_for(lambda m: "is muted in this chat" in text_of(m))
        until = (await running.services.watches.get(owner.chat_id)).muted["Frank_raid_v1"].until
        if label == en.MUTE_TODAY:
            assert until.hour == 15, "midnight in Tokyo"
            assert "00:00 (Asia/Tokyo)" in text_of(told)
        else:
            assert until is None
            assert en.UNTIL_SAID in text_of(told)


class TestFaults:
    """Exactly once, or once more only where nobody can know; and the buttons are there."""

    @pytest.mark.parametrize("kind", ["too_many", "bad_gateway", "server_error", "drop_before"])
    @pytest.mark.parametrize("method", ["sendPhoto", "editMessageCaption"])
    async def test_what_surely_was_not_taken_comes_once(self, running, kind, method):
        await running.sandbox.fault(kind, method, times=2)
        record = await admit(running)
        await self.stands_once(running, record)

    async def stands_once(self, running, record, copies=1):
        alert = await alert_of(running.owner, record.signal_id, "→ Telegram", seconds=40)
        await nothing_owed(running, 40)
        found = alerts_in(await running.owner.messages(), record.signal_id)
        assert len(found) == copies
        assert [labels(m)[0] for m in found] == [en.APPROVE] * copies
        assert await running.sandbox.faults_left() == []
        await running.owner.answer(await running.owner.press(alert, en.APPROVE), 20)
        await alert_of(running.owner, record.signal_id, "Approved by", seconds=40)

    async def test_a_drop_after_acceptance_shows_it_twice_at_the_most(self, running):
        await running.sandbox.fault("drop_after", "sendPhoto")
        await self.stands_once(running, await admit(running), copies=2)

    async def test_an_alert_that_never_gets_through_is_told_in_a_line(self, running):
        await running.sandbox.fault("drop_before", "sendPhoto", times=50)
        record = await admit(running)
        told = await running.owner.wait_for(
            lambda m: f"/signal {record.signal_id}" in text_of(m), 60
        )
        assert "may not have reached you" in text_of(told)
        assert "EURUSD" in text_of(told)
        assert alerts_in(await running.owner.messages(), record.signal_id) == []

    async def test_a_dropped_edit_leaves_one_message(self, running):
        await running.sandbox.fault("drop_after", "editMessageCaption", times=2)
        await self.stands_once(running, await admit(running))

    @pytest.mark.parametrize(("kind", "copies"), [("delay", 1), ("delay_after", 2)])
    async def test_a_time_out_is_tried_once_more(self, tmp_path, monkeypatch, kind, copies):
        monkeypatch.setattr("bot.app.REQUEST_LIMIT", 2.0)
        async with chat(tmp_path) as running:
            await running.sandbox.fault(kind, "sendPhoto", seconds=6.0)
            await self.stands_once(running, await admit(running), copies)

    async def test_a_restart_between_acceptance_and_its_record(self, running):
        """The first process dies before it hears that Telegram took it."""
        await running.sandbox.fault("delay_after", "sendPhoto", seconds=30.0)
        record = await admit(running)
        await running.sandbox.all_struck()
        await alert_of(running.owner, record.signal_id)
        await self.reborn(running)
        await self.stands_once(running, record, copies=2)

    async def test_a_restart_after_it_was_recorded_sends_nothing_again(self, running):
        record = await admit(running)
        await alert_of(running.owner, record.signal_id, "→ Telegram")
        await self.reborn(running)
        await self.stands_once(running, record)

    async def test_a_crash_before_the_edit_loses_no_answer(self, running):
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        await running.sandbox.fault("delay", "editMessageCaption", seconds=30.0)
        await running.owner.answer(await running.owner.press(alert, en.APPROVE))
        await running.sandbox.all_struck()
        await self.reborn(running)
        edited = await alert_of(running.owner, record.signal_id, "Approved by", seconds=40)
        assert en.APPROVE not in labels(edited)

    async def reborn(self, running):
        await running.crash()
        clock = running.services.clock
        running.services = at(running.services, clock=lambda: clock() + 2 * LEASE)
        await running.start()

    async def test_everything_restarted_the_buttons_still_answer(self, tmp_path):
        async with chat(tmp_path) as running:
            record = await admit(running)
            await alert_of(running.owner, record.signal_id, "→ Telegram")
        async with chat(tmp_path) as running:
            await self.stands_once(running, record)

    async def test_a_store_that_fails_after_acceptance_doubles_nothing(self, running):
        signals, failures = running.services.signals, 2
        real = signals.accepted

        async def accepted(*args):
            nonlocal failures
            if failures:
                failures -= 1
                raise StoreDownError("the database is away")
            return await real(*args)

        signals.accepted = accepted
        await self.stands_once(running, await admit(running))

    async def test_who_blocked_the_bot_burns_no_cooldown(self, running):
        other = await running.sandbox.add_person("Bo")
        await other.send("hello")
        await other.block()
        record = await admit(running, other.chat_id)
        await nothing_owed(running)
        s = record.signal
        signals = running.services.signals
        assert not await signals.cooling(s.setup_id, s.symbol, record.origin, s.known_at)
        assert await signals.alerts(record.signal_id) == []

    async def test_an_alert_overtakes_the_album_before_it(self, running):
        for n in range(4):
            await running.services.outbox.put(
                running.owner.chat_id, DeliveryKind.NOTICE, {"text": f"line {n}"},
                dedupe_key=f"notice:{n}", now=running.services.clock(),
            )  # fmt: skip
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        last = await running.owner.wait_for(lambda m: "line 3" in text_of(m), 15)
        assert alert["message_id"] < last["message_id"]


class TestDigest:
    async def test_all_that_was_held_is_listed_and_one_can_be_shown(self, running):
        owner, services = running.owner, running.services
        records = [await held(running, minutes=n, symbol="GER40" if n % 2 else "EURUSD")
                   for n in range(30)]  # fmt: skip
        due = await services.signals.held(services.clock() + timedelta(days=1))
        assert await services.signals.digest(owner.chat_id, due, services.clock())
        ids = [r.signal_id for r in records]
        await owner.wait_until(lambda ms: ids[-1] in " ".join(map(text_of, ms)), 20)
        pages = [m for m in await owner.messages() if en.DIGEST in text_of(m)]
        text = " ".join(map(text_of, pages))
        assert [text.count(f"{signal_id}\n") for signal_id in ids] == [1] * len(ids)
        assert "signals 1–" in text_of(pages[0])
        await owner.press(pages[0], ids[0])
        alert = await alert_of(owner, ids[0], "→ Telegram", seconds=15)
        assert en.APPROVE in labels(alert)
        await owner.press(pages[0], ids[0])
        above = await owner.wait_for(lambda m: en.SHOWN_ABOVE in text_of(m))
        assert above["reply_to_message"]["message_id"] == alert["message_id"]

    async def test_a_crash_between_its_pages_doubles_none(self, running):
        owner, services = running.owner, running.services
        records = [await held(running, minutes=n) for n in range(20)]
        due = await services.signals.held(services.clock() + timedelta(days=1))
        await running.sandbox.fault("delay", "sendMessage", seconds=0.5, times=2)
        await services.signals.digest(owner.chat_id, due, services.clock())
        async with asyncio.timeout(20):
            while not await services.chats.recall(f"told:digest:{owner.chat_id}:{due[0].id}"):
                await asyncio.sleep(0.02)
        await TestFaults().reborn(running)
        last = records[-1].signal_id
        await owner.wait_until(lambda ms: last in " ".join(map(text_of, ms)), 20)
        text = " ".join(map(text_of, await owner.messages()))
        assert [text.count(f"{r.signal_id}\n") for r in records] == [1] * len(records)


async def held(running, *, minutes: int, **changes):
    """Admit a signal that waits for the digest of quiet hours."""
    services, now = running.services, running.services.clock()
    draft = hand_made(
        now.replace(microsecond=0) - timedelta(minutes=600 - 16 * minutes), **changes
    )
    alert = AlertFor(chat_id=running.owner.chat_id, held="quiet", due_at=now)
    admission = await services.signals.admit(draft, [alert], cooldown=timedelta(0), now=now)
    return admission.record


async def said_to(person, message, data) -> str:
    return (await person.answer(await person.press_forged(message, data)))["text"]
