"""The HTTP entry for tests: it listens on a free port, and clients with tokens ask it.

async with http_entry(services) as entry:
    trader = await entry.client("trader")
    status, body = await trader.post("/runs", {"text": "/backtest …"})
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from flows.http.server import HttpEntry
from flows.services import Services
from flows.tokens import new_token
from pipeline.domain.request import Actor, Channel, Run
from tests.kit.servers import free_port

BACKTEST = {
    "mode": "backtest", "symbol": "EURUSD", "timeframe": "M5", "start": "2025-05-01",
    "end": "2025-05-30", "setup_id": "Asia_sweep_engulf_v1",
    "options": {"max_trades": 100, "rr_target": 2.0, "dry_run": False}, "extra": {},
}  # fmt: skip
COMMAND = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-30"
CLI = Actor(channel=Channel.CLI, name="test")
USERS = {"viewer": 11, "trader": 22, "owner": 33}


@dataclass
class IdleLauncher:
    """Takes runs and starts none; `launched` are their ids."""

    launched: list[str] = field(default_factory=list)
    slow: float = 0.0
    error: Exception | None = None

    async def launch(self, run: Run, services: Services) -> None:
        await asyncio.sleep(self.slow)
        if self.error is not None:
            raise self.error
        self.launched.append(run.run_id)

    async def cancel(self, run: Run) -> None:
        return

    async def resume(self, run: Run, services: Services) -> None:
        return

    async def gone(self, run: Run) -> None:
        return

    async def answers(self) -> bool:
        return self.error is None

    async def close(self) -> None:
        return


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    def __iter__(self):
        return iter((self.status, self.body))


@dataclass
class Client:
    """Somebody with a token (or none)."""

    url: str
    session: aiohttp.ClientSession
    secret: str = ""

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        headers |= more.pop("headers", {})
        async with self.session.request(method, self.url + path, headers=headers, **more) as got:
            text = await got.text()
            found = json.loads(text) if "json" in got.content_type else text
            return Answer(got.status, found, got.headers)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any, **more: Any) -> Answer:
        return await self.ask("POST", path, json=body, **more)

    async def delete(self, path: str, **more: Any) -> Answer:
        return await self.ask("DELETE", path, **more)


@dataclass
class Entry:
    """A listening entry and what is around it."""

    services: Services
    url: str
    session: aiohttp.ClientSession
    made: int = 0

    async def client(self, role: str, user_id: int = 0, users_role: str = "") -> Client:
        """Give somebody with a new token; the user gets the role (or a higher one) first."""
        user = user_id or USERS[role]
        await self.services.chats.set_role(user, users_role or role, self.services.clock())
        self.made += 1
        name = f"{role}-{self.made}"
        secret, _ = await new_token(name, user, role, CLI, self.services)
        return Client(self.url, self.session, secret)

    def stranger(self, secret: str = "") -> Client:
        return Client(self.url, self.session, secret)


@contextlib.asynccontextmanager
async def http_entry(services: Services) -> AsyncIterator[Entry]:
    """Serve in this event loop on a free port."""
    address = f"127.0.0.1:{free_port()}"
    server = HttpEntry(services, address)
    serving = asyncio.create_task(server.serve())
    await asyncio.wait_for(server.started(), 10)
    async with aiohttp.ClientSession() as session:
        try:
            yield Entry(services, f"http://{address}", session)
        finally:
            await server.stop()
            await asyncio.wait_for(serving, 10)


def idle(services: Services, **more: Any) -> Services:
    """Give the services with a launcher that starts nothing."""
    return replace(services, launcher=IdleLauncher(**more))
