"""Tickets nobody answered: each ends once, with its reason, and its alerts say so."""

from datetime import timedelta

import pytest

from flows.answering import answer_signal
from flows.outcomes import follow_signals
from flows.tickets import TICKET_OVER, end_tickets, is_open
from pipeline.domain.errors import FeedDownError
from pipeline.domain.live import AlertFor, DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel
from tests.kit.deliveries import owed
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.plain_services import NOW, plain_services

REPLAY = "live_2025_03_10_007"
ANN = Actor(channel=Channel.TELEGRAM, user_id=11, chat_id=7, name="Ann")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as found:
        yield found


async def admitted(services, **changes):
    """A signal of a replay, whose clock is its last bar's: so the test says what time it is."""
    draft = hand_made(tf=Timeframe.M1, origin=REPLAY, **changes)
    kept = await services.signals.admit(
        draft, [AlertFor(chat_id=7)], cooldown=timedelta(0), now=NOW
    )
    await owed(services.outbox)
    return kept.record.signal_id


async def followed(services, *closes, start=CLOSE):
    seen = await see(services, minutes_of(*closes, start=start), origin=REPLAY)
    await follow_signals(REPLAY, seen, services, now=NOW)
    return await owed(services.outbox)


async def why(services, signal_id):
    return (await services.signals.get(signal_id)).extra.get(TICKET_OVER, "")


async def test_a_ticket_stays_open_while_it_can_be_taken(services):
    signal_id = await admitted(services)
    await followed(services, 0, 0.1)
    assert await why(services, signal_id) == ""


async def test_the_stop_ends_it_once_and_the_alert_is_owed_as_an_edit(services):
    signal_id = await admitted(services)
    edits = await followed(services, 0, 0.1, -1.2)
    assert "stop" in await why(services, signal_id)
    assert [d.kind.value for d in edits].count("alert") == 1
    assert await followed(services, -1.3, start=CLOSE + 3 * MINUTE) == []


async def test_time_ends_it_even_if_price_stands_still(services):
    signal_id = await admitted(services)
    minutes = int(services.settings.ticket_minutes) + 2
    await followed(services, *[0.0] * minutes)
    assert "minutes" in await why(services, signal_id)


async def test_one_that_was_answered_or_told_to_nobody_is_left_alone(services):
    answered = await admitted(services)
    record = await services.signals.get(answered)
    await see(services, minutes_of(0), origin=REPLAY)
    await answer_signal(answered, record.ticket, "rejected", ANN, services)
    silent = await admitted(services, kind=DecisionKind.REJECTED, symbol="GER40", entry=20000.0)
    await followed(services, -1.2, start=CLOSE + MINUTE)
    assert [await why(services, each) for each in (answered, silent)] == ["", ""]


async def test_one_that_cannot_be_judged_is_judged_at_the_next_close(services, monkeypatch):
    signal_id = await admitted(services)
    record = await services.signals.get(signal_id)
    await see(services, minutes_of(-1.2), origin=REPLAY)

    async def down(*args, **kwargs):
        raise FeedDownError("away")

    with monkeypatch.context() as patch:
        patch.setattr(services.scans, "bars", down)
        assert await end_tickets([record], services, NOW) == 0
    assert await end_tickets([record], services, NOW) == 1
    assert not is_open(await services.signals.get(signal_id))
