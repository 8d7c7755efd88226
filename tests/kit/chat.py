"""The real bot app for tests: real services in a folder of their own, the sandbox as Telegram.

async with chat(home, base) as running:
    await running.owner.send("/help")
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.app import serve
from bot.sandbox.people import TRADER_ID
from flows.ingest import SYNTHETIC
from flows.services import Services, open_services
from flows.settings import Settings
from pipeline.domain.market import Timeframe
from tests.kit.plain_services import wavy_bars
from tests.kit.sandbox import TOKEN, Person, RunningSandbox, running_sandbox

COMMAND = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-30"


def settings_of(home: Path, base: str, **more: Any) -> Settings:
    """Give settings that depend on nothing around the test."""
    values = {
        "scout_home": home,
        "owner_ids": (TRADER_ID,),
        "telegram_bot_token": TOKEN,
        "telegram_api_base": base,
        "user_requests_per_minute": 1000,  # tests type faster than people
        **more,
    }
    return Settings(_env_file=None, **values)


@dataclass
class Chat:
    """A running bot and its surroundings; `stop` and `start` do what a restart does."""

    sandbox: RunningSandbox
    services: Services
    owner: Person
    _task: asyncio.Task[None] | None = None
    _stop: asyncio.Event | None = None

    async def start(self) -> None:
        """Start the bot."""
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(serve(self.services, self._stop))

    async def stop(self) -> None:
        """End the bot as SIGTERM does."""
        if self._task and self._stop:
            self._stop.set()
            # Generous: a bot that is cancelled on a stalled disk takes aiosqlite's close with it,
            # and that never ends when it is cancelled a second time.
            async with asyncio.timeout(90):
                await self._task
            self._task = None

    async def crash(self) -> None:
        """End the bot in the middle of whatever it does."""
        assert self._task
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task() and _of_bot(task):
                task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task
        self._task = None


def _of_bot(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return (
        code is not None
        and f"{Path('/bot')}/" in code.co_filename
        and "sandbox" not in (code.co_filename)
    )


@contextlib.asynccontextmanager
async def chat(home: Path, *, start: bool = True, **more: Any) -> AsyncIterator[Chat]:
    """Run sandbox and bot in this event loop; the one person present is the owner."""
    async with (
        running_sandbox(home / "sandbox") as sandbox,
        open_services(settings_of(home / "scout", sandbox.url, **more)) as services,
    ):
        running = Chat(sandbox, services, sandbox.person())
        if start:
            await running.start()
        try:
            yield running
        finally:
            await running.stop()


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home that holds a month of made bars; copy it, don't write to it."""
    home = tmp_path_factory.mktemp("sample") / "scout"

    async def fill() -> None:
        settings = settings_of(home, "http://127.0.0.1:9")
        async with open_services(settings) as services:
            bars, now = wavy_bars(), services.clock()
            await services.bars.merge("EURUSD", Timeframe.M5, bars, source=SYNTHETIC, now=now)

    asyncio.run(fill())
    return home


@pytest.fixture
async def running(tmp_path: Path, sample_home: Path) -> AsyncIterator[Chat]:
    """Give a running bot over the sample's bars."""
    shutil.copytree(sample_home, tmp_path / "scout")
    async with chat(tmp_path) as found:
        yield found


def at(services: Services, **changes: Any) -> Services:
    """Give the services with some of them exchanged."""
    return replace(services, **changes)
