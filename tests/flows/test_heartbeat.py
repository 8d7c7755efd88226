"""The daily sign of life: once per chat and day, late rather than never, with the day's counts."""

import asyncio
from datetime import UTC, datetime, timedelta

from flows.heartbeat import send_heartbeats
from pipeline.domain.live import AlertFor, DecisionKind, LiveScanReport
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import Watch
from storage.live_ports import ScanRecord
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import plain_services

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DUE = datetime(2025, 6, 11, 6, 0, tzinfo=UTC)  # 08:00 in Berlin


async def texts(services, now):
    """Take what is owed; return texts by chat, in order."""
    found = []
    while claimed := await services.outbox.claim(now, lease=MINUTE):
        for each in claimed:
            if each.kind is DeliveryKind.NOTICE:
                found.append((each.chat_id, each.payload))
            await services.outbox.ack(each.id, now, [1])
    return found


async def watching(services, *watches):
    for watch in watches:
        await services.watches.put(watch, DUE)


async def test_each_chat_at_its_hour_once(tmp_path):
    async with plain_services(tmp_path) as services:
        await watching(
            services,
            Watch(chat_id=1, heartbeat="08:00"),
            Watch(chat_id=2, heartbeat="08:00", sound={"heartbeat": "loud"}),
            Watch(chat_id=3, heartbeat="08:01"),
            Watch(chat_id=4),
            Watch(chat_id=5, heartbeat="08:00", on=False),
        )
        for chat_id in (1, 2, 3):  # yesterday's were sent
            await services.chats.remember(f"heartbeat:{chat_id}", {"day": "2025-06-10"}, DUE)
        assert await send_heartbeats(services, DUE - MINUTE) == 0
        assert await send_heartbeats(services, DUE) == 2
        assert await send_heartbeats(services, DUE) == 0
        found = await texts(services, DUE)
        assert [(chat, payload["silent"]) for chat, payload in found] == [(1, True), (2, False)]
        assert "late" not in found[0][1]["text"]
        assert await send_heartbeats(services, DUE + MINUTE) == 1
        assert await send_heartbeats(services, DUE + 24 * HOUR) == 2


async def test_neither_a_restart_nor_a_second_scanner_sends_it_again(tmp_path):
    async with plain_services(tmp_path) as services:
        await watching(services, Watch(chat_id=1, heartbeat="08:00"))
        sent = await asyncio.gather(*(send_heartbeats(services, DUE) for _ in range(4)))
        assert sum(sent) == 1
        await services.chats.take("heartbeat:1")  # died between the two writes
        assert await send_heartbeats(services, DUE + MINUTE) == 0
        assert len(await texts(services, DUE + MINUTE)) == 1


async def test_late_rather_than_never_and_says_so(tmp_path):
    async with plain_services(tmp_path) as services:
        await watching(services, Watch(chat_id=1, heartbeat="08:00"))
        assert await send_heartbeats(services, DUE + 3 * HOUR) == 1
        ((_, payload),) = await texts(services, DUE + 3 * HOUR)
        assert "This comes 3 h late: nothing was watched at 08:00." in payload["text"]


async def test_it_counts_the_day_of_what_the_chat_watches(tmp_path):
    async with plain_services(tmp_path) as services:
        await watching(services, Watch(chat_id=1, heartbeat="08:00", symbols=("GER40",)))
        for n in (0, 1, 5, 6):
            at = DUE - 6 * MINUTE + n * MINUTE
            report = LiveScanReport(run_id=f"r{n}", trigger_time=at, execution_time_sec=0.1)
            await services.scans.record(ScanRecord(report, {}, {}), DUE)
        kinds = (DecisionKind.APPROVED, DecisionKind.REJECTED, DecisionKind.APPROVED)
        for n, kind in enumerate(kinds):
            close = DUE - (n + 1) * HOUR
            draft = hand_made(close, symbol="GER40", kind=kind)
            kept = await services.signals.admit(
                draft, [AlertFor(chat_id=1)], cooldown=0 * MINUTE, now=close
            )
            if kind.alerts:
                at = close + timedelta(seconds=0.5 + n)
                await services.signals.accepted(kept.record.signal_id, 1, n, at)
        await services.signals.admit(hand_made(DUE - HOUR), [], cooldown=0 * MINUTE, now=DUE)
        await services.signals.admit(
            hand_made(DUE - 25 * HOUR, symbol="GER40"), [], cooldown=0 * MINUTE, now=DUE
        )
        assert await send_heartbeats(services, DUE) == 1
        ((_, payload),) = await texts(services, DUE)
        assert payload["text"].splitlines() == [
            "Live watching lives. Since 08:00 yesterday:",
            "3 scans, 3 missed",
            "Signals: 3 found: 2 approved, 0 your call, 1 rejected, 0 suppressed, 0 late",
            "Alerts: 2, 95 of 100 within 2.50 s of the close",
            "Outcomes: none",
        ]
