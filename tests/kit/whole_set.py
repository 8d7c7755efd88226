"""The whole set as `make run` starts it, in a home of its own, and a person who chats with it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.kit.sandbox import Person

ROOT = Path(__file__).parents[2]
PLACES = (
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_API_BASE",
    "REDIS_URL",
    "DATABASE_URL",
    "PREFECT_API_URL",
    "OWNER_IDS",
)


class WholeSet:
    """A running supervisor: its screen line by line, its parts' processes, its chat."""

    def __init__(self, home: Path, process: asyncio.subprocess.Process) -> None:
        self.home = home
        self.process = process
        self.screen: list[str] = []
        self.session = aiohttp.ClientSession()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.screen.append(line.decode(errors="replace").rstrip())

    async def says(self, pattern: str, seconds: float = 120.0) -> re.Match[str]:
        """Wait for a line of the screen that holds `pattern`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in self.screen:
                if found := re.search(pattern, line):
                    return found
            if self.process.returncode is not None:
                break
            await asyncio.sleep(0.05)
        raise AssertionError(f"the screen never said {pattern!r}:\n" + "\n".join(self.screen))

    async def person(self) -> Person:
        """The page's first user; becomes owner with the code on the screen where one is shown."""
        url = (await self.says(r"Chat +(http://[\d.:]+)/"))[1]
        person = Person(url, self.session)
        code = next((m[1] for s in self.screen if (m := re.search(r"/start (\w+)", s))), None)
        if code:
            await person.send(f"/start {code}")
            await person.wait_for(lambda message: True, 20)
        return person

    def pid(self, part: str) -> int:
        """The process id of one of our own parts."""
        return int((self.home / "run" / f"{part}.ready").read_text())

    async def stop(self) -> float:
        """Press Ctrl-C and wait for the end. Returns how long it took, in seconds."""
        start = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            await asyncio.wait_for(self.process.wait(), 40)
        await self._reader
        await self.session.close()
        return time.monotonic() - start


@contextlib.asynccontextmanager
async def whole_set(home: Path, **env: str) -> AsyncIterator[WholeSet]:
    """Start a set and stop it at the end, whatever happened."""
    clean = {
        k: v for k, v in os.environ.items() if k not in PLACES and not k.startswith("PREFECT")
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flows.supervisor",
        cwd=ROOT,
        env={**clean, "SCOUT_HOME": str(home), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = WholeSet(home, process)
    try:
        yield running
    finally:
        await running.stop()
