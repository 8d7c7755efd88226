"""RateLimits: one suite over memory and a real Valkey."""

import asyncio
import uuid

import pytest

from pipeline.domain.errors import StoreDownError
from storage.memory import MemoryRateLimits
from storage.rate_limits import RedisRateLimits, SteadyRateLimits
from tests.kit.servers import free_port


@pytest.fixture(params=["memory", "redis"])
async def limits(request):
    if request.param == "memory":
        yield MemoryRateLimits()
        return
    made = RedisRateLimits(request.getfixturevalue("redis_url"))
    yield made
    await made.close()


@pytest.fixture
def key():
    return uuid.uuid4().hex


async def test_a_quiet_key_has_a_minutes_worth_and_is_then_told_how_long(limits, key):
    assert [await limits.take(key, 5) for _ in range(5)] == [0.0] * 5
    wait = await limits.take(key, 5)
    assert 5 < wait <= 12
    assert await limits.take(f"{key} other", 5) == 0.0


async def test_a_refused_one_is_not_counted_and_later_one_may_go_on(limits, key):
    for _ in range(600):
        await limits.take(key, 600)
    waits = [await limits.take(key, 600) for _ in range(5)]
    assert max(waits) <= 0.1
    await asyncio.sleep(0.25)
    assert await limits.take(key, 600) == 0.0


async def test_of_many_at_once_no_more_than_allowed(limits, key):
    answers = await asyncio.gather(*(limits.take(key, 3) for _ in range(20)))
    assert answers.count(0.0) == 3


async def test_memory_forgets_keys_that_are_quiet_again():
    now = [0.0]
    limits = MemoryRateLimits(lambda: now[0])
    for n in range(limits.MOST):
        await limits.take(str(n), 60)
    now[0] = 100.0
    await limits.take("new", 60)
    assert len(limits._full_at) == 1


async def test_redis_down_is_said_at_once_and_a_spare_count_goes_on():
    limits = RedisRateLimits(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreDownError):
        await limits.take("k", 5)
    steady = SteadyRateLimits(limits, MemoryRateLimits())
    assert await steady.take("k", 1) == 0.0
    assert await steady.take("k", 1) > 0
    await limits.close()
