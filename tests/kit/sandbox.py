"""The sandbox for tests: a running one with its own folder, and people who use it over HTTP.

async with running_sandbox(tmp_path) as sandbox:
    bot = sandbox.bot()
    trader = sandbox.person()
    await trader.send("/start")
    answer = await trader.wait_for(lambda message: "Welcome" in text_of(message))
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from bot.sandbox.people import TRADER_ID
from bot.sandbox.server import Options, Sandbox

PATIENCE = 30.0
"""Seconds until an answer counts as missing: a busy machine is no fault of the bot."""
TOKEN = "1000000042:sandbox-only-no-such-bot-on-telegram"
ROOT = Path(__file__).parents[2]
Json = dict[str, Any]


class QuickSession(AiohttpSession):
    """aiogram's session without the quarter of a second it waits for TLS when it closes."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class PageError(AssertionError):
    """The page API refused what a person did."""


def text_of(message: Json) -> str:
    """Give a message's text or caption; empty when it has none."""
    return str(message.get("text") or message.get("caption") or "")


def buttons_of(message: Json) -> list[Json]:
    """Give a message's buttons, row by row, each with its row and column."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [
        {**button, "row": row, "column": column}
        for row, line in enumerate(rows)
        for column, button in enumerate(line)
    ]


@dataclass
class Person:
    """A user of the sandbox, acting through the page's API.

    `chat_id` is the private chat with the bot unless another is given (a group).
    """

    url: str
    session: aiohttp.ClientSession
    user_id: int = TRADER_ID
    chat_id: int = 0

    def __post_init__(self) -> None:
        self.chat_id = self.chat_id or self.user_id

    async def send(self, text: str, reply_to: int = 0) -> Json:
        """Write a text; gives the message as the bot will get it."""
        return await self._post("send", text=text, reply_to=reply_to)

    async def upload(
        self, name: str, content: bytes, caption: str = "", *, as_photo: bool = False
    ) -> Json:
        """Send a file, or a picture as a photo."""
        form = aiohttp.FormData()
        for key, value in {**self._who(), "caption": caption}.items():
            form.add_field(key, str(value))
        form.add_field("as", "photo" if as_photo else "document")
        form.add_field("file", content, filename=name, content_type="application/octet-stream")
        async with self.session.post(f"{self.url}/sandbox/upload", data=form) as response:
            return dict(await _result(response))

    async def press(self, message: Json, label: str) -> str:
        """Press the button whose text contains `label`; gives the id of the press."""
        found = [button for button in buttons_of(message) if label in button["text"]]
        if not found:
            labels = [button["text"] for button in buttons_of(message)]
            raise PageError(f"no button {label!r} among {labels}")
        place = {"row": found[0]["row"], "column": found[0]["column"]}
        pressed = await self._post("press", message_id=message["message_id"], **place)
        return str(pressed["query_id"])

    async def press_forged(self, message: Json, data: str) -> str:
        """Press with data that no button has, as a forged or stale client could."""
        pressed = await self._post("press", message_id=message["message_id"], data=data)
        return str(pressed["query_id"])

    async def answer(self, query_id: str, seconds: float = PATIENCE) -> Json:
        """Wait for the bot's answer to a press: ``{text, show_alert, url}``."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            url = f"{self.url}/sandbox/answer"
            async with self.session.get(url, params={"query_id": query_id}) as response:
                found = await _result(response)
            if found is not None:
                return dict(found)
            await asyncio.sleep(0.03)
        raise PageError(f"press {query_id} was not answered in {seconds} s")

    async def react(self, message: Json, *emoji: str) -> Json:
        """Set one's reactions on a message."""
        return await self._post("react", message_id=message["message_id"], emoji=list(emoji))

    async def block(self, *, blocked: bool = True) -> Json:
        """Block the bot, or unblock it."""
        return await self._post("block", blocked=blocked)

    async def messages(self, limit: int = 200) -> list[Json]:
        """Give the chat's last messages, oldest first, one's own included."""
        state = await self.state(limit)
        return list(state["messages"])

    async def state(self, limit: int = 200) -> Json:
        """Give all the page sees."""
        url = f"{self.url}/sandbox/state"
        params = {"chat_id": str(self.chat_id), "limit": str(limit)}
        async with self.session.get(url, params=params) as response:
            return dict(await _result(response))

    async def wait_for(
        self, predicate: Callable[[Json], bool], seconds: float = PATIENCE, *, after: int = 0
    ) -> Json:
        """Wait for a message of the bot that fits; the newest one that does.

        `after` is a message id: only later messages count.
        """
        until = time.monotonic() + seconds
        seen: list[Json] = []
        while time.monotonic() < until:
            seen = [m for m in await self.messages() if m["message_id"] > after]
            fitting = [m for m in seen if m["from"]["is_bot"] and predicate(m)]
            if fitting:
                return fitting[-1]
            await asyncio.sleep(0.03)
        shown = [f"{m['message_id']}: {text_of(m)[:120]!r}" for m in seen[-8:]]
        raise PageError(f"no such message in {seconds} s; the last ones: {shown}")

    async def wait_until(
        self, predicate: Callable[[list[Json]], bool], seconds: float = PATIENCE
    ) -> list[Json]:
        """Wait until the whole chat fits; gives its messages."""
        until = time.monotonic() + seconds
        messages: list[Json] = []
        while time.monotonic() < until:
            messages = await self.messages()
            if predicate(messages):
                return messages
            await asyncio.sleep(0.03)
        shown = [text_of(message)[:80] for message in messages[-8:]]
        raise PageError(f"the chat did not come to fit in {seconds} s: {shown}")

    async def download(self, file_id: str) -> bytes:
        """Give a file's bytes."""
        async with self.session.get(f"{self.url}/sandbox/file/{file_id}") as response:
            return await response.read()

    def _who(self) -> Json:
        return {"user_id": self.user_id, "chat_id": self.chat_id}

    async def _post(self, path: str, **body: Any) -> Json:
        url = f"{self.url}/sandbox/{path}"
        async with self.session.post(url, json={**self._who(), **body}) as response:
            return dict(await _result(response))


@dataclass
class RunningSandbox:
    """A sandbox that serves, and what tests do with it."""

    url: str
    home: Path
    session: aiohttp.ClientSession
    token: str = TOKEN
    server: Sandbox | None = None
    bots: list[Bot] = field(default_factory=list)

    def bot(self, token: str = "", **options: Any) -> Bot:
        """Give an aiogram Bot that talks to this sandbox; closed with it."""
        api = TelegramAPIServer.from_base(self.url)
        bot = Bot(token or self.token, session=QuickSession(api=api), **options)
        self.bots.append(bot)
        return bot

    def person(self, user_id: int = TRADER_ID, chat_id: int = 0) -> Person:
        """Give somebody who is there; the Trader by default."""
        return Person(self.url, self.session, user_id, chat_id)

    async def add_person(self, first_name: str, language_code: str = "en") -> Person:
        """Add somebody the bot has never met."""
        body = {"first_name": first_name, "language_code": language_code}
        return self.person((await self.post("people", body))["id"])

    async def add_group(self, title: str, *members: Person) -> int:
        """Add a group of people with the bot; gives its chat id."""
        body = {"title": title, "members": [member.user_id for member in members]}
        return int((await self.post("groups", body))["id"])

    async def fault(self, kind: str, method: str = "*", **more: Any) -> None:
        """Plan a fault: see `bot.sandbox.faults.Fault`."""
        await self.post("faults", {"kind": kind, "method": method, **more})

    async def faults_left(self) -> list[Json]:
        """List the faults that have not struck yet."""
        async with self.session.get(f"{self.url}/sandbox/faults") as response:
            return list(await _result(response))

    async def all_struck(self, seconds: float = 20.0) -> None:
        """Wait until every planned fault has met its calls: the last of them is under way now."""
        async with asyncio.timeout(seconds):
            while await self.faults_left():
                await asyncio.sleep(0.03)

    async def clear_faults(self) -> None:
        """Forget all planned faults."""
        async with self.session.delete(f"{self.url}/sandbox/faults") as response:
            await _result(response)

    async def post(self, path: str, body: Json) -> Any:
        """Call the page's API."""
        async with self.session.post(f"{self.url}/sandbox/{path}", json=body) as response:
            return await _result(response)


async def _result(response: aiohttp.ClientResponse) -> Any:
    body = json.loads(await response.text())
    if not body.get("ok"):
        raise PageError(body.get("description", str(body)))
    return body["result"]


@contextlib.asynccontextmanager
async def running_sandbox(home: Path, **options: Any) -> AsyncIterator[RunningSandbox]:
    """Run a sandbox in this event loop on a free port, faults open; quick to start."""
    settings = {"token": TOKEN, "faults": True, **options}
    async with (
        Sandbox(Options(home=home, **settings)) as server,
        aiohttp.ClientSession() as session,
    ):
        running = RunningSandbox(server.url, home, session, settings["token"], server)
        try:
            yield running
        finally:
            for bot in running.bots:
                await bot.session.close()


@contextlib.asynccontextmanager
async def sandbox_process(home: Path, *flags: str, port: int = 0) -> AsyncIterator[RunningSandbox]:
    """Run the sandbox as its own process, as a user does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.sandbox", "--port", str(port), "--home", str(home), "--token", TOKEN),
        *("--faults", *flags),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        async with aiohttp.ClientSession() as session:
            running = RunningSandbox(line.decode().strip(), home, session)
            yield running
            for bot in running.bots:
                await bot.session.close()
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    """A fresh sandbox in the test's own loop."""
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running
