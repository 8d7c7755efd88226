"""A training is held around the closes, goes on after them, and never stays behind."""

import asyncio
import subprocess
import sys
import time

import psutil
import pytest

from flows.cpu import CpuPool
from flows.stepping_aside import can_hold, hold_around_closes, next_minute
from tests.kit import cpu_calls as calls

pytestmark = pytest.mark.skipif(not can_hold(), reason="processes can't be held here")
COUNT = "import time\nwhile True: time.sleep(0.01)"


@pytest.fixture
def busy():
    with subprocess.Popen([sys.executable, "-c", COUNT]) as process:
        yield psutil.Process(process.pid)
        process.kill()


async def until(process, status, seconds=10):
    async with asyncio.timeout(seconds):
        while process.status() not in status:
            await asyncio.sleep(0.01)


STOPPED, GOING = ("stopped",), ("sleeping", "running")


def test_bars_close_at_full_minutes():
    assert [next_minute(t) for t in (0.0, 0.1, 59.9, 60.0, 61.0)] == [0, 60, 60, 60, 120]


async def test_it_is_held_around_each_close_and_goes_on_between(busy):
    first = time.time() + 1.0
    closes = [first, first + 2.0, first + 1000]

    def following(moment):
        return next(close for close in closes if close >= moment)

    task = asyncio.create_task(
        hold_around_closes(busy.pid, time.time, following, before=0.3, after=0.3)
    )
    for close in closes[:2]:
        await until(busy, STOPPED)
        assert abs(time.time() - (close - 0.3)) < 0.3 or time.time() < close + 0.3
        await until(busy, GOING)
        assert time.time() >= close + 0.25
    assert not task.done()
    task.cancel()


async def test_it_goes_on_when_the_holding_ends(busy):
    soon = time.time() + 0.2
    task = asyncio.create_task(
        hold_around_closes(busy.pid, time.time, lambda _: soon, before=0.2, after=60)
    )
    await until(busy, STOPPED)
    task.cancel()
    await until(busy, GOING)


async def test_a_process_that_is_gone_is_no_error(busy):
    busy.kill()
    busy.wait()
    task = asyncio.create_task(hold_around_closes(busy.pid, time.time, lambda t: t, after=0.01))
    await asyncio.sleep(0.1)
    assert not task.done()
    task.cancel()


def test_a_call_aside_is_ended_with_the_process_it_was_forked_from():
    code = (
        "import asyncio, os\n"
        "from flows.cpu import CpuPool\n"
        "from tests.kit import cpu_calls as calls\n"
        "async def main():\n"
        "    async with CpuPool(1) as pool:\n"
        "        job = asyncio.create_task(pool.run_aside(60, calls.spin))\n"
        "        while not pool.pids(): await asyncio.sleep(0.01)\n"
        "        await asyncio.sleep(0.5)\n"
        "        print(pool.pids()[0], flush=True)\n"
        "        await job\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        child.suspend()
        parent.kill()
    until = time.time() + 20
    while child.is_running() and child.status() != "zombie":
        assert time.time() < until
        time.sleep(0.05)


async def test_a_call_aside_gives_what_the_call_gives():
    async with CpuPool(1) as pool:
        assert await pool.run_aside(20, calls.double, 21) == 42
