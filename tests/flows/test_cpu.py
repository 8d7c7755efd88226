"""The computing processes: results, errors, cancel, time-out, death."""

import asyncio
import os
import signal
import time

import psutil
import pytest

from flows.cpu import LOW_PRIORITY, CpuPool, ProcessDiedError
from pipeline.domain.errors import BadRequestError
from tests.kit import cpu_calls as calls


@pytest.fixture
async def pool():
    async with CpuPool(2, timeout=20) as made:
        yield made


async def test_results_and_errors_come_back_whole(pool):
    assert await pool.run(calls.double, 21) == 42
    with pytest.raises(BadRequestError) as caught:
        await pool.run(calls.refuse)
    assert caught.value.field == "x"
    assert caught.value.user_text == "no"


async def test_what_cant_be_sent_back_is_an_error(pool):
    with pytest.raises(RuntimeError, match="can't be sent back"):
        await pool.run(calls.unsendable)
    assert await pool.run(calls.double, 1) == 2


async def test_at_most_two_at_a_time_and_the_warm_one_first(pool):
    pids = await asyncio.gather(*(pool.run(calls.pid, 0.05) for _ in range(6)))
    assert len(set(pids)) == 2
    last = await pool.run(calls.pid, 0)
    assert await pool.run(calls.pid, 0) == last


async def test_cancel_kills_the_process_and_the_pool_heals(pool):
    await pool.warm()
    before = set(pool.pids())
    job = asyncio.create_task(pool.run(calls.spin))
    await asyncio.sleep(0.2)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    (gone,) = before - set(pool.pids())
    assert not psutil.pid_exists(gone) or psutil.Process(gone).status() == "zombie"
    assert await pool.run(calls.double, 4) == 8


async def test_a_call_that_takes_too_long_is_killed():
    async with CpuPool(1, timeout=0.3) as pool:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await pool.run(calls.spin)
        assert time.monotonic() - begun < 10
        pool._timeout = 20
        assert await pool.run(calls.double, 4) == 8


async def test_a_process_that_dies_is_an_error_and_is_replaced(pool):
    with pytest.raises(ProcessDiedError):
        await pool.run(calls.die)
    assert await pool.run(calls.double, 5) == 10


async def test_one_killed_while_idle_is_replaced_unseen(pool):
    os.kill(await pool.run(calls.pid, 0), signal.SIGKILL)
    await asyncio.sleep(0.1)
    assert await pool.run(calls.double, 5) == 10


async def test_close_ends_the_processes():
    pool = CpuPool(1)
    number = await pool.run(calls.pid, 0)
    await pool.close()
    assert not psutil.pid_exists(number) or psutil.Process(number).status() == "zombie"
    with pytest.raises(RuntimeError):
        await pool.run(calls.double, 1)


async def test_refresh_gives_a_fresh_process(pool):
    before = await pool.run(calls.pid, 0)
    pool.refresh()
    assert await pool.run(calls.pid, 0) != before


async def test_idle_children_end_and_the_next_call_starts_another():
    async with CpuPool(1, timeout=20, idle_seconds=0.2) as pool:
        first = await pool.run(os.getpid)
        assert await pool.run(os.getpid) == first
        for _ in range(100):
            if not pool.pids():
                break
            await asyncio.sleep(0.05)
        assert pool.pids() == []
        assert await pool.run(os.getpid) != first


@pytest.mark.skipif(not hasattr(os, "nice"), reason="the system knows no priorities")
async def test_a_call_apart_steps_back_and_leaves_nothing(pool):
    own = os.nice(0)
    await pool.warm()
    warm = set(pool.pids())
    pid, priority = await pool.run_apart(20, calls.priority)
    assert priority == min(own + LOW_PRIORITY, 19)
    assert pid not in warm
    assert set(pool.pids()) == warm
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"
    assert (await pool.run(calls.priority))[1] == own
    with pytest.raises(BadRequestError):
        await pool.run_apart(20, calls.refuse)


async def test_a_call_apart_takes_no_process_from_the_others_and_can_be_ended(pool):
    job = asyncio.create_task(pool.run_apart(20, calls.spin))
    assert await asyncio.gather(*(pool.run(calls.double, n) for n in range(4))) == [0, 2, 4, 6]
    assert not job.done()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    with pytest.raises(TimeoutError):
        await pool.run_apart(0.3, calls.spin)
    assert len(pool.pids()) <= 2
