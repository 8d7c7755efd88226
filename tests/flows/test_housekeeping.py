"""One at a time: copies and deletions of files, in one process and in several."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from flows.housekeeping import LOCK, RIGHT, housekeeping
from pipeline.domain.errors import ServiceError
from tests.kit.plain_services import plain_services

ROOT = Path(__file__).parents[2]
HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def test_the_second_waits_for_the_first(tmp_path):
    async with plain_services(tmp_path) as services:
        order = []

        async def hold(name):
            async with housekeeping(services):
                order.append(f"{name} in")
                await asyncio.sleep(0.05)
                order.append(f"{name} out")

        await asyncio.gather(hold("a"), hold("b"))
        assert order in (
            ["a in", "a out", "b in", "b out"],
            ["b in", "b out", "a in", "a out"],
        )


async def test_who_has_waited_long_enough_is_told(tmp_path):
    async with plain_services(tmp_path) as services, housekeeping(services):
        with pytest.raises(ServiceError, match="under way"):
            async with housekeeping(services, patience=0):
                pass


async def test_a_lease_elsewhere_counts_as_well(tmp_path):
    from datetime import timedelta

    async with plain_services(tmp_path) as services:
        await services.lease.acquire(RIGHT, "another machine", timedelta(minutes=1))
        with pytest.raises(ServiceError):
            async with housekeeping(services, patience=0):
                pass
        await services.lease.release(RIGHT, "another machine")
        async with housekeeping(services, patience=0):
            pass


async def test_a_killed_process_gives_it_back(tmp_path):
    other = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HOLD, tmp_path / LOCK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert other.stdout.readline() == b"held\n"
        async with plain_services(tmp_path) as services:
            with pytest.raises(ServiceError):
                async with housekeeping(services, patience=0):
                    pass
            other.kill()
            other.wait()
            async with housekeeping(services, patience=5):
                pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
        other.stdin.close()
