"""Answers to tickets: the first counts, each refusal says why, an approval makes one paper trade."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.answering import answer_signal
from flows.outcomes import follow_signals
from pipeline.domain.errors import BrokerDownError
from pipeline.domain.live import LIVE, AlertFor, Answer, LifeState
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel
from pipeline.domain.trade import EntryType
from tests.kit.deliveries import owed
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.plain_services import NOW, InlineCpu, plain_services
from tests.kit.stored_services import stored_services

ANN = Actor(channel=Channel.TELEGRAM, user_id=11, chat_id=7, name="Ann")
BOB = Actor(channel=Channel.TELEGRAM, user_id=12, chat_id=7, name="Bob")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def services(kept_in, tmp_path):
    async with stored_services(tmp_path / "home", kept_in) as found:
        yield found


async def admitted(services, draft):
    admission = await services.signals.admit(
        draft, [AlertFor(chat_id=7)], cooldown=timedelta(0), now=NOW
    )
    return admission.record


def at(services, moment):
    """This machine's clock shows that moment of the market."""
    services.clock.now = moment


async def shown(services, *closes, **draft):
    """A signal is alerted, so many minutes later somebody looks at it."""
    record = await admitted(services, hand_made(tf=Timeframe.M1, **draft))
    if closes:
        await see(services, minutes_of(*closes), origin=record.origin)
    at(services, CLOSE + len(closes) * MINUTE + timedelta(seconds=20))
    await owed(services.outbox)
    return record


async def verdicts(services):
    return [(e.verdict, e.what["verdict"]) for e in await services.audit.newest()]


async def test_an_approval_counts_and_becomes_a_trade_on_paper(services):
    record = await shown(services, 0, 0.1)
    answered = await answer_signal(
        record.signal_id, record.ticket[:8], "approved", ANN, services, "neat"
    )
    assert (answered.verdict, answered.why) == ("accepted", "")
    said = answered.record.answer
    assert (said.choice, said.user_id, said.name, said.comment) == ("approved", 11, "Ann", "neat")
    assert CLOSE + 2 * MINUTE < said.at < services.clock.now
    paper = answered.record.paper
    assert CLOSE + 2 * MINUTE < paper.plan.known_at < CLOSE + 3 * MINUTE
    assert paper.plan.model_copy(update={"known_at": CLOSE}) == record.plan
    assert (answered.order.status, answered.order.lots) == ("placed", 1.0)
    # Who and when stays on the message: the alert is owed again, as an edit.
    assert [d.kind for d in await owed(services.outbox)] == [DeliveryKind.ALERT]
    assert await verdicts(services) == [("accepted", "accepted")]

    later = await see(services, minutes_of(0.2, 0.3, start=CLOSE + 2 * MINUTE))
    await follow_signals(LIVE, later, services, now=NOW)
    found = await services.broker.find(record.signal_id, NOW)
    kept = await services.signals.get(record.signal_id)
    assert (found.status, found.price) == ("filled", kept.paper.life.entry_price)
    # Approved within the third minute, so filled at the open of the fourth.
    assert kept.paper.life.entry_time == CLOSE + 3 * MINUTE


async def test_a_rejection_counts_and_trades_nothing(services):
    record = await shown(services, 0, 0.1)
    answered = await answer_signal(record.signal_id, record.ticket, "rejected", ANN, services)
    assert answered.verdict == "accepted"
    assert (answered.record.paper, answered.order) == (None, None)
    assert await services.broker.find(record.signal_id, NOW) is None


async def test_the_first_answer_counts_and_the_second_hears_of_it(services):
    record = await shown(services, 0)
    await answer_signal(record.signal_id, record.ticket, "rejected", ANN, services)
    again = await answer_signal(record.signal_id, record.ticket, "approved", BOB, services)
    assert again.verdict == "was_answered"
    assert again.why == "Ann rejected it at 2025-03-10 09:01 UTC."
    assert again.record.answer.name == "Ann"
    assert (await services.signals.get(record.signal_id)).paper is None
    at(services, CLOSE + timedelta(hours=5))  # expired long ago, but that isn't what is asked
    late = await answer_signal(record.signal_id, record.ticket, "approved", BOB, services)
    assert late.verdict == "was_answered"
    assert await verdicts(services) == [("refused", "was_answered")] * 2 + [("accepted",) * 2]


async def test_of_taps_at_once_one_wins(services):
    record = await shown(services, 0)
    calls = [
        answer_signal(record.signal_id, record.ticket, choice, who, services)
        for choice in ("approved", "rejected")
        for who in (ANN, BOB)
        for _ in range(3)
    ]
    done = await asyncio.gather(*calls)
    won = [d for d in done if d.verdict == "accepted"]
    assert len(won) == 1
    assert {d.verdict for d in done} == {"accepted", "was_answered"}
    kept = await services.signals.get(record.signal_id)
    assert kept.answer == won[0].record.answer
    assert (kept.paper is not None) == (kept.answer.choice == "approved")
    assert len({(d.record.answer.name, d.record.answer.choice) for d in done}) == 1


@pytest.mark.parametrize("ticket", ["", "0000", "f" * 16, "x; drop table signals"])
async def test_a_forged_or_stale_ticket_answers_nothing(services, ticket):
    record = await shown(services, 0)
    answered = await answer_signal(record.signal_id, ticket, "approved", ANN, services)
    assert answered.verdict == "stale"
    assert "other terms" in answered.why
    assert (await services.signals.get(record.signal_id)).answer is None
    assert await verdicts(services) == [("refused", "stale")]


async def test_a_signal_that_never_was(services):
    answered = await answer_signal("sig_live_999", "abcd", "approved", ANN, services)
    assert (answered.verdict, answered.record) == ("unknown", None)
    assert answered.why == "There is no signal sig_live_999."


LIMIT = {
    "entry_type": EntryType.LIMIT,
    "entry_price": 1.1,
    "expires_at": CLOSE + 30 * MINUTE,
    "void_close_below": 1.0997,
}
EXPIRED = {
    "time": ([0] * 21, {}, "good for 15 minutes; 21 are over"),
    "hour": ([0] * 31, LIMIT, "was to rest until 09:30 UTC"),
    "price": ([0, 0.8], {}, "0.5 R is the limit"),
    "stop": ([0, -1.2, 0], {}, "The stop at 1.09900 was touched at 09:02 UTC"),
    "target": ([0, 2.2, 0.1], {}, "The target at 1.10200 was touched"),
    "structure": ([0, -0.4, 0], LIMIT, "an M1 bar closed below 1.09970 at 09:02 UTC"),
}


@pytest.mark.parametrize("choice", ["approved", "rejected"])
@pytest.mark.parametrize("case", EXPIRED)
async def test_an_expired_ticket_says_how(services, case, choice):
    closes, draft, words = EXPIRED[case]
    record = await shown(services, *closes, **draft)
    answered = await answer_signal(record.signal_id, record.ticket, choice, ANN, services)
    assert answered.verdict == "expired"
    assert words in answered.why
    kept = await services.signals.get(record.signal_id)
    assert (kept.answer, kept.paper) == (None, None)
    assert (await services.audit.newest(1))[0].reason == answered.why


async def test_the_settings_say_how_long_and_how_far(tmp_path):
    async with plain_services(tmp_path, ticket_minutes=60, ticket_max_r=1.0) as services:
        record = await shown(services, *[0] * 40, 0.8)
        answered = await answer_signal(record.signal_id, record.ticket, "approved", ANN, services)
        assert answered.verdict == "accepted"


async def test_a_replay_has_its_own_time(services):
    """Years later by this machine's clock, two minutes later at the replay's market."""
    record = await shown(services, 0, 0.1, origin="live_2026_11_21_001")
    services.clock.now = NOW
    answered = await answer_signal(record.signal_id, record.ticket, "approved", ANN, services)
    assert answered.verdict == "accepted"
    assert answered.record.paper.plan.known_at == CLOSE + 2 * MINUTE
    assert answered.record.answer.at > NOW


def said_by(actor, choice="rejected"):
    return Answer(choice=choice, user_id=actor.user_id, name=actor.name, at=NOW)


class Interrupted(InlineCpu):
    """Somebody answers while the bars are looked at."""

    def __init__(self, meanwhile):
        super().__init__()
        self._meanwhile = meanwhile

    async def run(self, fn, *args, **kwargs):
        found = await super().run(fn, *args, **kwargs)
        if fn.__name__ == "lives":
            await self._meanwhile()
        return found


async def test_an_answer_reaches_the_label_whichever_comes_first(services):
    during = await shown(services, 0)
    after = await admitted(
        services, hand_made(CLOSE + MINUTE, tf=Timeframe.M1, setup_id="IB_raid_v1")
    )
    closes = await see(services, minutes_of(0.1, 2.1, start=CLOSE + MINUTE))

    async def answered(record, actor):
        how = {"paper": None, "now": NOW}
        return await services.signals.answer(
            record.signal_id, record.ticket, said_by(actor), **how
        )

    busy = replace(services, cpu=Interrupted(lambda: answered(during, ANN)))
    assert await follow_signals(LIVE, closes, busy, now=NOW) == 2
    humans = {row.signal_id: row.human for row in await services.signals.labels()}
    assert humans == {during.signal_id: "skipped", after.signal_id: ""}
    await answered(after, BOB)
    assert {row.human for row in await services.signals.labels()} == {"skipped"}


async def test_a_broker_that_is_down_loses_no_approval(services):
    record = await shown(services, 0)

    class Down:
        name = "down"

        async def place(self, order, now):
            raise BrokerDownError("The broker doesn't answer.")

    answered = await answer_signal(
        record.signal_id, record.ticket, "approved", ANN, replace(services, broker=Down())
    )
    assert (answered.verdict, answered.order) == ("accepted", None)
    kept = await services.signals.get(record.signal_id)
    assert kept.answer.choice == "approved"
    assert kept.paper.life.state is LifeState.WAITING


async def test_a_crash_between_answer_and_order_neither_loses_nor_doubles(services):
    record = await shown(services, 0)

    class Dying:
        name = "dying"

        async def place(self, order, now):
            raise asyncio.CancelledError

    dying = replace(services, broker=Dying())
    with pytest.raises(asyncio.CancelledError):
        await answer_signal(record.signal_id, record.ticket, "approved", ANN, dying)
    kept = await services.signals.get(record.signal_id)
    assert (kept.answer.choice, kept.paper is not None) == ("approved", True)
    again = await answer_signal(record.signal_id, record.ticket, "approved", ANN, services)
    assert again.verdict == "was_answered"
    assert (await services.signals.get(record.signal_id)).paper == kept.paper
    assert (await services.broker.find(record.signal_id, NOW)).status == "placed"
