"""The weekly card: sent once a chat and week, of what the chat watches, and shown when asked."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.weekly import send_weekly_cards, week_asked
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LIVE
from pipeline.domain.report import DeliveryKind
from pipeline.domain.trade import ExitReason
from pipeline.domain.watch import Quiet, Watch
from tests.kit.deliveries import owed
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.live_week import ended
from tests.kit.plain_services import NOW
from tests.kit.stored_services import stored_services

SUNDAY = datetime(2025, 3, 16, 17, tzinfo=UTC)  # six in the evening in Berlin
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def services(kept_in, tmp_path):
    async with stored_services(tmp_path / "home", kept_in) as found:
        found.clock.now = SUNDAY
        yield found


async def lived(services, rr, at=CLOSE, **draft):
    admitted = await services.signals.admit(
        hand_made(at, **draft), [], cooldown=timedelta(0), now=NOW
    )
    life = ended(admitted.record, rr, ExitReason.TP if rr > 0 else ExitReason.SL)
    await services.signals.live_on(admitted.record.signal_id, life, now=NOW)


async def watching(services, chat_id=7, **wishes):
    await services.watches.put(Watch(chat_id=chat_id, **wishes), NOW)


async def test_sent_on_sunday_evening_and_once(services):
    await watching(services)
    await lived(services, 2.0)
    assert await send_weekly_cards(services, SUNDAY - MINUTE) == 0
    assert [await send_weekly_cards(services, SUNDAY + i * MINUTE) for i in range(3)] == [1, 0, 0]
    (card,) = await owed(services.outbox)
    assert (card.kind, card.chat_id, card.dedupe_key) == (
        DeliveryKind.PHOTO,
        7,
        "week:7:2025-03-16",
    )
    assert card.payload["path"] == "results/week_2025-03-16_7.png"
    assert card.payload["caption"].splitlines() == [
        "Week to Sun 16 Mar 2025",
        "1 signal, 1 trade",
        "Not answered (1): +2.00 R, 1 trade, mean +2.00 R, too few to tell",
        "All filled: confidence 0.80; target 1 of 1, 100%, too few to tell",
    ]
    assert await services.archive.get(card.payload["path"])
    await lived(services, 2.0, SUNDAY + timedelta(days=2))
    assert await send_weekly_cards(services, SUNDAY + timedelta(days=7)) == 1


async def test_a_crash_before_it_is_noted_owes_it_once(services, monkeypatch):
    await watching(services)
    await lived(services, 2.0)

    async def crash(*_args):
        raise RuntimeError

    monkeypatch.setattr(services.chats, "remember", crash)
    with pytest.raises(RuntimeError):
        await send_weekly_cards(services, SUNDAY)
    monkeypatch.undo()
    assert await send_weekly_cards(services, SUNDAY + MINUTE) == 0
    assert len(await owed(services.outbox)) == 1


async def test_each_chat_has_its_own_sunday_and_what_it_watches(services):
    await watching(services, 7, symbols=("GER40",))
    await watching(services, 8, zone="America/New_York")
    await watching(services, 9, on=False)
    await lived(services, 2.0, symbol="GER40", entry=20_000.0, risk=10.0)
    await lived(services, -1.0, CLOSE + MINUTE)
    assert await send_weekly_cards(services, SUNDAY) == 1
    assert await send_weekly_cards(services, SUNDAY + timedelta(hours=5)) == 1
    german, american = await owed(services.outbox)
    assert german.payload["caption"].splitlines()[1] == "1 signal, 1 trade"
    assert american.payload["caption"].splitlines()[1] == "2 signals, 2 trades"
    assert (german.chat_id, american.chat_id) == (7, 8)


async def test_quiet_hours_and_a_late_start_only_delay(services):
    await watching(services, quiet=Quiet(start="17:00", end="08:00"))
    await watching(services, 8)
    await lived(services, 2.0)
    assert await send_weekly_cards(services, SUNDAY + timedelta(hours=8)) == 1
    assert await send_weekly_cards(services, SUNDAY + timedelta(hours=14)) == 1
    assert [d.chat_id for d in await owed(services.outbox)] == [8, 7]


async def test_a_machine_that_was_off_sends_no_stale_card(services):
    await watching(services)
    await lived(services, 2.0)
    assert await send_weekly_cards(services, SUNDAY + timedelta(hours=25)) == 0


async def test_a_week_without_signals_brings_none(services):
    await watching(services)
    assert await send_weekly_cards(services, SUNDAY) == 0
    assert await owed(services.outbox) == []


async def test_asked_for(services):
    await lived(services, 2.0)
    await lived(services, -1.0, origin="live_2025_03_20_001")
    services.clock.now = SUNDAY - timedelta(days=2)
    week = await week_asked("", 7, services)
    assert week.title == "Week to Sun 16 Mar 2025, so far"
    assert (week.card.signals, week.png is not None) == (1, True)
    replay = await week_asked("live_2025_03_20_001", 7, services)
    assert (replay.title, replay.card.trades) == ("Replay live_2025_03_20_001", 1)
    empty = await week_asked("2024-05-01", 7, services)
    assert (empty.png, empty.lines) == (None, ())
    with pytest.raises(BadRequestError):
        await week_asked("whatever", 7, services)
    assert [r.origin for r in await services.signals.newest(origin=LIVE)] == [LIVE]
