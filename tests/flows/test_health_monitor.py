"""The monitor tells owners of what turned, over restarts, by one of several processes."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.health_monitor import EVERY, HealthMonitor
from flows.pulse import Heart
from pipeline.domain.errors import StoreDownError
from storage.memory import MemoryChatStore
from tests.kit.plain_services import plain_services

MINUTE = timedelta(minutes=1)
OWNER = 7


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, owner_ids="7", telegram_bot_token="1:x") as made:
        yield made


async def looks(monitor, services, minutes, living=None):
    """Let minutes pass with a look in each; what is told."""
    told = []
    for _ in range(minutes):
        services.clock.now += MINUTE
        if living is not None:
            await living.beat()
        told += await monitor.look(services.clock())
    return [
        each.text for each in told if each.part == "bot"
    ]  # the outbox follows, as nobody sends


async def texts(services):
    now = services.clock()
    claimed, found = await services.outbox.claim(now, lease=MINUTE), []
    while claimed:  # one at a time goes to a chat
        for delivery in claimed:
            await services.outbox.ack(delivery.id, now, (1,))
        found += [d.payload["text"] for d in claimed]
        claimed = await services.outbox.claim(now, lease=MINUTE)
    return [text for text in found if " bot" in text]


async def test_a_bot_that_dies_is_told_once_and_again_when_it_is_back(services):
    monitor = HealthMonitor(services)
    bot = Heart("bot", services, dict)
    await bot.beat()
    assert await monitor.look(services.clock()) == []
    (told,) = await looks(monitor, services, 12)
    assert told.startswith("🔴 bot: no sign of life for")
    monitor = HealthMonitor(services)  # a restart: what was told is kept
    assert await looks(monitor, services, 6) == []
    back = await looks(monitor, services, 7, living=bot)
    assert len(back) == 1
    assert back[0].startswith("🟢 bot is well again after 1"), back
    assert await texts(services) == [told, *back]


async def test_without_a_lease_two_monitors_tell_it_once(services):
    class Down:
        async def acquire(self, *words):
            raise StoreDownError("Redis doesn't answer.")

        async def ping(self):
            raise StoreDownError("Redis doesn't answer.")

    services = replace(services, lease=Down())
    both = HealthMonitor(services), HealthMonitor(services)
    for _ in range(12):
        services.clock.now += MINUTE
        for monitor in both:
            await monitor.look(services.clock())
    told = await texts(services)
    assert len(told) == 1 and told[0].startswith("🔴 bot: never seen")


async def test_looks_are_five_minutes_apart_while_nothing_turns(services):
    await Heart("bot", services, dict).beat()
    monitor = HealthMonitor(services)
    asked = []
    before = services.lease.acquire

    async def acquire(*words):
        asked.append(services.clock.now)
        return await before(*words)

    services.lease.acquire = acquire
    for _ in range(11):
        services.clock.now += MINUTE
        await Heart("bot", services, dict).beat()
        await monitor.look(services.clock())
    assert len(asked) == 3
    assert all(b - a >= EVERY - MINUTE for a, b in itertools.pairwise(asked))


async def test_a_store_that_is_down_is_told_when_it_is_back(services):
    class Broken(MemoryChatStore):
        down = False

        async def recall(self, key):
            if self.down:
                raise StoreDownError("The database doesn't answer.")
            return await super().recall(key)

    chats = Broken()
    services = replace(services, chats=chats)
    monitor = HealthMonitor(services)
    await Heart("bot", services, dict).beat()
    await monitor.look(services.clock())
    chats.down = True
    assert await looks(monitor, services, 3) == []
    chats.down = False
    (told,) = await looks(monitor, services, 9)
    assert told.startswith("🔴 bot")
