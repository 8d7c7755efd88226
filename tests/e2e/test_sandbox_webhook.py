"""The sandbox's webhook behaves as Telegram's: header, order, repeats, and no fetching beside it."""

import asyncio
import contextlib

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiohttp import web

from tests.kit.sandbox import running_sandbox

SECRET = "x" * 30


class Heard:
    """A bot's server that says what it is told to, and remembers what it heard."""

    def __init__(self):
        self.updates, self.headers, self.statuses = [], [], []
        self.pause = 0.0

    async def take(self, request):
        self.headers.append(dict(request.headers))
        update = await request.json()
        self.updates.append(update)
        await asyncio.sleep(self.pause)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def texts(self):
        return [u["message"]["text"] for u in self.updates]

    async def until(self, count, seconds=5):
        async with asyncio.timeout(seconds):
            while len(self.updates) < count:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def heard():
    found, app = Heard(), web.Application()
    app.router.add_post("/telegram", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/telegram"
    yield found
    await runner.cleanup()


@pytest.fixture
async def both(tmp_path):
    async with running_sandbox(tmp_path / "sandbox") as sandbox, heard() as server:
        yield sandbox, server


async def test_updates_come_in_order_with_the_secret(both):
    sandbox, server = both
    bot, me = sandbox.bot(), sandbox.person()
    await me.send("before")
    await bot.set_webhook(server.url, secret_token=SECRET, allowed_updates=["message"])
    server.pause = 0.05
    for n in range(5):
        await me.send(f"m{n}")
    await server.until(6)
    assert server.texts() == ["before", *(f"m{n}" for n in range(5))]
    assert {h["X-Telegram-Bot-Api-Secret-Token"] for h in server.headers} == {SECRET}
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.allowed_updates) == (server.url, 40, ["message"])
    state = await me.state()
    assert state["online"] is True
    async with asyncio.timeout(3):
        while (await bot.get_webhook_info()).pending_update_count:
            await asyncio.sleep(0.02)


async def test_what_is_not_taken_comes_again_and_holds_up_its_chat_alone(both):
    sandbox, server = both
    bot, me, other = sandbox.bot(), sandbox.person(), await sandbox.add_person("Bo")
    server.statuses = [500, 302]
    await bot.set_webhook(server.url)
    await me.send("mine 1")
    await me.send("mine 2")
    await server.until(1)
    await other.send("theirs")
    await server.until(5)
    assert [t for t in server.texts() if t != "theirs"] == ["mine 1"] * (
        server.texts().count("mine 1")
    ) + ["mine 2"]
    assert len(server.texts()) == 5
    info = await bot.get_webhook_info()
    assert "Wrong response from the webhook" in info.last_error_message
    assert info.last_error_date


async def test_no_fetching_beside_a_webhook(both):
    sandbox, _server = both
    bot, me = sandbox.bot(), sandbox.person()
    waiting = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    with pytest.raises(TelegramConflictError, match="terminated by setWebhook"):
        await waiting
    with pytest.raises(TelegramConflictError, match="deleteWebhook"):
        await bot.get_updates()
    await me.send("kept")
    await asyncio.sleep(0.3)
    assert "Connection failed" in (await bot.get_webhook_info()).last_error_message
    await bot.delete_webhook()
    assert [u.message.text for u in await bot.get_updates()] == ["kept"]
    assert (await bot.get_webhook_info()).url == ""


async def test_only_what_telegram_takes_is_taken(both):
    sandbox, server = both
    bot, me = sandbox.bot(), sandbox.person()
    for url in ("http://example.org/x", "https://example.org:444/x", "ftp://x", "odd"):
        with pytest.raises(TelegramBadRequest, match="bad webhook"):
            await bot.set_webhook(url)
    with pytest.raises(TelegramBadRequest, match="unallowed"):
        await bot.set_webhook(server.url, secret_token="ä b")
    await bot.set_webhook("https://example.org:8443/x")
    await me.send("dropped")
    await bot.set_webhook(server.url, drop_pending_updates=True)
    await me.send("heard")
    await server.until(1)
    assert server.texts() == ["heard"]
    await bot.set_webhook("")
    assert (await bot.get_webhook_info()).url == ""
