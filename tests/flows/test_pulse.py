"""Processes say that they live, soon after they become active, and when they end in order."""

import asyncio
from dataclasses import replace

from flows import pulse
from flows.pulse import Heart, pulse_name
from pipeline.domain.errors import StoreDownError
from pipeline.live.health import ENDED
from storage.memory import MemoryHealthBoard
from tests.kit.plain_services import plain_services


async def until(board, predicate):
    async with asyncio.timeout(30):
        while not predicate({p.name: p.facts for p in await board.pulses()}):
            await asyncio.sleep(0.02)


async def test_a_heart_beats_at_once_when_active_changes_and_at_the_end(tmp_path):
    async with plain_services(tmp_path) as services:
        facts, name = {"active": False, "lag": 3}, pulse_name("scanner")
        heart = Heart("scanner", services, lambda: facts)
        beating = asyncio.create_task(heart.keep())
        await until(services.health, lambda seen: seen == {name: {"active": False, "lag": 3}})
        facts["active"] = True
        await until(services.health, lambda seen: seen[name]["active"])
        beating.cancel()
        await heart.stop()
        assert (await services.health.pulses())[0].facts[ENDED] is True


class _DownOnce(MemoryHealthBoard):
    down = True

    async def beat(self, name, facts, now):
        if self.down:
            self.down = False
            raise StoreDownError("The database doesn't answer.")
        await super().beat(name, facts, now)


async def test_a_board_that_is_down_stops_no_heart(tmp_path, monkeypatch):
    monkeypatch.setattr(pulse, "BEAT_EVERY", 0.01)
    async with plain_services(tmp_path) as services:
        services = replace(services, health=_DownOnce())
        beating = asyncio.create_task(Heart("bot", services, dict).keep())
        await until(services.health, lambda seen: seen == {pulse_name("bot"): {"active": True}})
        beating.cancel()
