"""/health on services that answer, are slow, are gone, or hang."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from flows import health as health_flow
from flows.health import alert_seconds, health, scanner_of
from flows.launcher import PrefectLauncher
from flows.pulse import Heart
from pipeline.domain.errors import StoreDownError
from pipeline.domain.live import LIVE, AlertFor, Pulse
from pipeline.domain.watch import Watch
from pipeline.live.health import Light, judge_backup
from storage.lease import RedisLease
from storage.memory import MemoryHealthBoard, MemoryOutbox
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import NOW, plain_services
from tests.kit.servers import free_port

SECOND = timedelta(seconds=1)
TOKEN = "1:x"


def of(found):
    return {line.name: line for line in found.lines}


async def alert(services, seconds, origin=LIVE, n=0):
    """Let one alert be accepted that long after its close; the close `n` minutes ago."""
    close = NOW - timedelta(minutes=n)
    draft = hand_made(close, origin=origin)
    admitted = await services.signals.admit(draft, [AlertFor(chat_id=1)], cooldown=0 * SECOND, now=close)  # fmt: skip
    signal_id = admitted.record.signal_id
    await services.signals.accepted(signal_id, 1, 1, close + seconds * SECOND)


async def test_all_well(tmp_path):
    async with plain_services(tmp_path) as services:
        await Heart("bot", services, dict).beat()
        found = await health(services, "Europe/Berlin")
        assert found.light is Light.GREEN, found
        assert list(of(found)) == [
            "bot", "scanner", "worker", "feed", "last scan", "alert latency", "outbox", "clocks", "Redis",
            "database", "Prefect", "disk",
        ]  # fmt: skip


async def test_a_bot_that_is_expected_and_silent_is_red(tmp_path):
    async with plain_services(tmp_path, telegram_bot_token=TOKEN) as services:
        assert of(await health(services, "UTC"))["bot"].light is Light.RED
        await Heart("bot", services, dict).beat()
        assert of(await health(services, "UTC"))["bot"].light is Light.GREEN
        services.clock.now += timedelta(minutes=3)
        line = of(await health(services, "UTC"))["bot"]
        assert (line.light, line.words) == (Light.RED, "no sign of life for 3 min")


async def test_latency_is_that_of_todays_live_alerts(tmp_path):
    async with plain_services(tmp_path) as services:
        for n, seconds in enumerate((0.2, 0.4, 3.0)):
            await alert(services, seconds, n=n)
        await alert(services, 50, origin="live_2026_11_21_001", n=1)
        await alert(services, 70, n=24 * 60)  # yesterday
        start, end = NOW.replace(hour=0), NOW.replace(hour=0) + timedelta(days=1)
        assert sorted(await alert_seconds(services, start, end)) == pytest.approx([0.2, 0.4, 3.0])
        line = of(await health(services, "UTC"))["alert latency"]
        assert line.light is Light.AMBER
        assert line.words == "p50 0.40 s, p95 3.00 s, p99 3.00 s (3 today)"


async def test_services_that_are_gone_are_told_each_by_itself(tmp_path):
    url = f"redis://127.0.0.1:{free_port()}/0"
    api = f"http://127.0.0.1:{free_port()}/api"
    async with plain_services(tmp_path, redis_url=url, prefect_api_url=api) as services:
        lease = RedisLease(url)
        gone = replace(services, lease=lease, launcher=PrefectLauncher(api))
        lines = of(await health(gone, "UTC"))
        await lease.close()
        assert (lines["Redis"].light, lines["Redis"].words) == (Light.AMBER, "Redis doesn't answer.")  # fmt: skip
        assert lines["Prefect"].light is Light.RED
        assert lines["worker"].light is Light.RED  # needed, as runs go through Prefect
        assert lines["database"].light is Light.GREEN


class _Down(MemoryHealthBoard):
    async def pulses(self):
        raise StoreDownError("The database doesn't answer.")


class _Hangs(MemoryHealthBoard):
    async def pulses(self):
        await asyncio.Event().wait()


class _DiesLater(MemoryOutbox):
    async def pending(self):
        raise StoreDownError("The database doesn't answer.")


@pytest.mark.parametrize(("board", "said"), [(_Down, "doesn't answer"), (_Hangs, "no answer within")])  # fmt: skip
async def test_without_its_database_it_says_what_can_still_be_said(
    tmp_path, board, said, monkeypatch
):
    monkeypatch.setattr(health_flow, "PING_LIMIT", 0.2)
    async with plain_services(tmp_path) as services:
        found = await health(replace(services, health=board()), "UTC")
        lines = of(found)
        assert list(lines) == ["processes", "Redis", "database", "Prefect", "disk"]
        assert (lines["database"].light, found.light) == (Light.RED, Light.RED)
        assert said in lines["database"].words


async def test_a_database_that_dies_in_the_middle_is_no_traceback(tmp_path):
    async with plain_services(tmp_path) as services:
        found = await health(replace(services, outbox=_DiesLater()), "UTC")
        assert of(found)["processes"].light is Light.RED


async def test_of_two_scanners_the_active_one_speaks(tmp_path):
    active = Pulse(name="scanner@a:1", at=NOW, facts={"active": True, "feed": "mt5"})
    standby = Pulse(name="scanner@b:1", at=NOW, facts={"active": False, "feed": "other"})
    dead = Pulse(name="scanner@c:1", at=NOW - timedelta(hours=1), facts={"feed": "dead"})
    assert scanner_of([dead, standby], NOW) is None
    assert scanner_of([dead, standby, active], NOW).feed == "mt5"


@pytest.mark.parametrize(
    ("feed", "watching", "lights"),
    [
        ("none", False, (Light.GREEN, Light.GREEN, Light.GREEN)),
        ("none", True, (Light.GREEN, Light.AMBER, Light.GREEN)),
        ("mt5", False, (Light.GREEN, Light.GREEN, Light.GREEN)),
        ("mt5", True, (Light.RED, Light.RED, Light.RED)),
    ],
)
async def test_whoever_watches_a_market_needs_a_scanner(tmp_path, feed, watching, lights):
    async with plain_services(tmp_path, feed=feed) as services:
        await services.watches.put(Watch(chat_id=1, on=watching), NOW)
        lines = of(await health(services, "UTC"))
        assert tuple(lines[n].light for n in ("scanner", "feed", "last scan")) == lights


async def test_clocks_that_differ_and_a_backup_that_is_old(tmp_path):
    async with plain_services(tmp_path) as services:
        ahead = NOW + timedelta(seconds=12)
        await services.health.beat("worker@other:1", {}, ahead)
        line = of(await health(services, "UTC"))["clocks"]
        assert line.light is Light.AMBER
        assert line.words.startswith("worker@other:1 is 12 s ahead of here")
    assert judge_backup(None, NOW).light is Light.GREEN
    assert judge_backup(NOW - timedelta(days=7), NOW).light is Light.GREEN
    assert judge_backup(NOW - timedelta(days=9), NOW).light is Light.AMBER
