"""Lease: one suite over memory and a real Valkey; what only a server can do wrong behind it."""

import asyncio
import time
import uuid
from datetime import timedelta

import pytest

from pipeline.domain.errors import StoreDownError
from storage.lease import RedisLease
from storage.memory import MemoryLease
from tests.kit.servers import Valkey, free_port, running

LONG = timedelta(seconds=30)


@pytest.fixture(params=["memory", "valkey"])
def lease_url(request):
    return None if request.param == "memory" else request.getfixturevalue("redis_url")


@pytest.fixture
async def leases(lease_url):
    if lease_url is None:
        yield [MemoryLease()] * 3
        return
    made = [RedisLease(lease_url) for _ in range(3)]
    yield made
    for each in made:
        await each.close()


@pytest.fixture
def name() -> str:
    return f"poller-{uuid.uuid4()}"


async def test_one_holds_it_and_prolongs_it(leases, name):
    one, two, _ = leases
    assert await one.acquire(name, "a", LONG)
    assert not await two.acquire(name, "b", LONG)
    assert await one.acquire(name, "a", LONG)
    assert await two.acquire(f"{name}-other", "b", LONG)


async def test_only_the_holder_gives_it_back(leases, name):
    one, two, _ = leases
    await one.acquire(name, "a", LONG)
    await two.release(name, "b")
    assert not await two.acquire(name, "b", LONG)
    await one.release(name, "a")
    await one.release(name, "a")
    assert await two.acquire(name, "b", LONG)


async def test_it_runs_out_unless_prolonged(leases, name):
    one, two, _ = leases
    await one.acquire(name, "a", timedelta(milliseconds=100))
    await one.acquire(name, "a", timedelta(milliseconds=600))
    await asyncio.sleep(0.25)
    assert not await two.acquire(name, "b", LONG)
    await asyncio.sleep(0.45)
    assert await two.acquire(name, "b", LONG)
    assert not await one.acquire(name, "a", LONG)


async def test_of_forty_one_wins(leases, name):
    got = await asyncio.gather(*(leases[n % 3].acquire(name, f"o{n}", LONG) for n in range(40)))
    assert sum(got) == 1


async def test_it_answers(leases):
    await asyncio.gather(*(lease.ping() for lease in leases))


async def test_a_dead_server_is_said_within_a_second():
    lease = RedisLease(f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    with pytest.raises(StoreDownError):
        await lease.acquire("x", "a", LONG)
    with pytest.raises(StoreDownError):
        await lease.release("x", "a")
    with pytest.raises(StoreDownError):
        await lease.ping()
    assert time.monotonic() - began < 2.0
    await lease.close()


async def test_it_works_again_after_the_server_came_back():
    with running(Valkey) as server:
        lease = RedisLease(server.url)
        assert await lease.acquire("x", "a", LONG)
        server.stop()
        with pytest.raises(StoreDownError):
            await lease.acquire("x", "a", LONG)
        server.start()
        assert await lease.acquire("x", "b", LONG)  # a server that forgot gives it to anyone
        await lease.close()
