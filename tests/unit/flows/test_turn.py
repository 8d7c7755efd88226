"""Turns: one holder at a time, a successor after its death, and no stop when the store is gone."""

import asyncio
from datetime import timedelta

from flows.turn import Turn
from pipeline.domain.errors import StoreDownError
from storage.memory import MemoryLease

TTL = timedelta(seconds=0.3)


class Fickle(MemoryLease):
    """Leases whose store can go away."""

    def __init__(self):
        super().__init__()
        self.down = False

    async def acquire(self, name, owner, ttl):
        if self.down:
            raise StoreDownError("gone")
        return await super().acquire(name, owner, ttl)


def turn_of(lease, owner):
    return Turn(lease, "scanner", owner, ttl=TTL, renew=0.05, retry=0.02)


async def test_one_of_two_has_it_and_the_other_follows_when_it_dies():
    lease = Fickle()
    first, second = turn_of(lease, "a"), turn_of(lease, "b")
    keeping = asyncio.create_task(first.keep())
    await first.until(True)
    waiting = asyncio.create_task(second.keep())
    await asyncio.sleep(TTL.total_seconds() * 2)
    assert (first.ours, second.ours) == (True, False)
    keeping.cancel()  # as if killed: nothing is given back
    async with asyncio.timeout(10):
        await second.until(True)
    assert not first.ours
    waiting.cancel()


async def test_given_back_it_is_free_at_once():
    lease = Fickle()
    first, second = turn_of(lease, "a"), turn_of(lease, "b")
    await first.renew()
    await first.release()
    await second.renew()
    assert (first.ours, second.ours) == (False, True)


async def test_without_the_store_its_holder_goes_on_and_who_stood_by_does_not():
    lease = Fickle()
    first, second = turn_of(lease, "a"), turn_of(lease, "b")
    await first.renew()
    await second.renew()
    lease.down = True
    await first.renew()
    await second.renew()
    await asyncio.sleep(TTL.total_seconds() * 1.5)
    assert (first.ours, second.ours) == (True, False)
    lease.down = False
    await second.renew()
    await first.renew()
    assert (first.ours, second.ours) == (False, True)


async def test_who_starts_while_the_store_is_gone_does_not_wait_for_it():
    lease = Fickle()
    lease.down = True
    alone = turn_of(lease, "a")
    await alone.renew()
    assert alone.ours
