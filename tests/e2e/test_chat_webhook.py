"""Bots in webhook mode behind a load balancer: nothing lost, nothing twice, nobody else heard."""

import asyncio
import contextlib
import shutil
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from bot import updates
from bot.app import build
from bot.sandbox.people import TRADER_ID
from bot.texts import en
from bot.webhook import SECRET
from flows.services import open_services
from flows.tokens import new_token
from pipeline.domain.errors import AppError
from tests.kit.chat import COMMAND, Chat, settings_of
from tests.kit.http import BACKTEST, CLI, idle
from tests.kit.sandbox import running_sandbox, text_of
from tests.kit.servers import free_port

TOLD = "secret-of-the-webhook-1234567890"


class Balancer:
    """Sends each request to the next bot that answers; with `doubled` to all of them."""

    def __init__(self, ports):
        self.ports, self.turn, self.doubled, self.heard = ports, 0, False, []

    async def take(self, request):
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k in (SECRET, "Content-Type")}
        statuses = []
        for _ in self.ports:
            port = self.ports[self.turn % len(self.ports)]
            self.turn += 1
            url = f"http://127.0.0.1:{port}/telegram"
            with contextlib.suppress(aiohttp.ClientError):
                async with self.session.post(url, data=body, headers=headers) as answer:
                    self.heard.append((port, answer.status))
                    statuses.append(answer.status)
            if statuses and not self.doubled:
                break
        return web.Response(status=statuses[0] if statuses else 502)


@contextlib.asynccontextmanager
async def balancer(ports):
    made, app = Balancer(ports), web.Application()
    app.router.add_post("/telegram", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/telegram"
    async with aiohttp.ClientSession() as made.session:
        yield made
    await runner.cleanup()


@contextlib.asynccontextmanager
async def hooked(tmp_path, sample_home, redis_url=None, count=2):
    """Give bots over one database, not started, the balancer before them and the sandbox."""
    shutil.copytree(sample_home, tmp_path / "scout")
    ports = [free_port() for _ in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox(tmp_path / "sandbox"))
        before = await stack.enter_async_context(balancer(ports))
        bots = []
        for port in ports:
            settings = settings_of(
                tmp_path / "scout", sandbox.url, redis_url=redis_url, webhook_url=before.url,
                webhook_secret=TOLD, webhook_address=f"127.0.0.1:{port}",
            )  # fmt: skip
            services = idle(await stack.enter_async_context(open_services(settings)))
            bots.append(Chat(sandbox, services, sandbox.person()))
            stack.push_async_callback(bots[-1].stop)
        yield bots, before, sandbox


async def told(person):
    return [text_of(m) for m in await person.messages() if m["from"]["is_bot"]]


async def listening(before, count=2):
    """Wait until all bots answer."""
    async with asyncio.timeout(40):
        for port in before.ports[:count]:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with before.session.get(f"http://127.0.0.1:{port}/health") as answer:
                        assert answer.status == 200
                        break
                await asyncio.sleep(0.05)


async def all_handled(services, seconds=30):
    async with asyncio.timeout(seconds):
        while await services.inbox.waiting():
            await asyncio.sleep(0.03)


async def test_two_bots_answer_each_command_once_in_order(tmp_path, sample_home, redis_url):
    async with hooked(tmp_path, sample_home, redis_url) as (bots, before, _sandbox):
        for bot in bots:
            await bot.start()
        await listening(before)
        me = bots[0].owner
        for text in ("/whoami", "/runs", "/whoami"):
            await me.send(text)
        await me.wait_until(lambda ms: len([m for m in ms if m["from"]["is_bot"]]) >= 3, 30)
        first = [("Your Telegram id" in text) for text in await told(me)]
        assert first == [True, False, True]
        assert {port for port, status in before.heard if status == 200} == set(before.ports)

        before.doubled = True  # each update at both bots
        for _ in range(2):
            await me.send("/runs")
        await me.wait_until(lambda ms: len([m for m in ms if m["from"]["is_bot"]]) >= 5, 30)
        launched = await me.send(COMMAND)
        await me.wait_for(lambda m: "Asia_sweep" in text_of(m), 30, after=launched["message_id"])
        await all_handled(bots[0].services)
        await asyncio.sleep(0.3)
        assert len(await bots[0].services.runs.newest(5)) == 1
        assert sum(en.NO_RUNS in text for text in await told(me)) == 3


async def test_nobody_but_telegram_is_heard(tmp_path, sample_home):
    async with hooked(tmp_path, sample_home, count=1) as (bots, before, _):
        await bots[0].start()
        await listening(before, 1)
        url = f"http://127.0.0.1:{before.ports[0]}/telegram"
        update = {
            "update_id": 5,
            "message": {
                "message_id": 1, "date": 1, "text": "/runs", "chat": {"id": 5, "type": "private"},
                "from": {"id": TRADER_ID, "is_bot": False, "first_name": "T"},
            },
        }  # fmt: skip
        right = {SECRET: TOLD}
        for headers, more, status in (
            ({}, {"json": update}, 401),
            ({SECRET: TOLD[:-1] + "1"}, {"json": update}, 401),
            ({SECRET: "ü"}, {"json": update}, 401),
            (right, {"data": b"{"}, 400),
            (right, {"json": [1]}, 400),
            (right, {"json": {"update_id": "5"}}, 400),
            (right, {"data": b" " * (2 << 20)}, 413),
        ):
            async with before.session.post(url, headers=headers, **more) as answer:
                assert answer.status == status, (headers, status)
        async with before.session.get(url, headers=right) as answer:
            assert answer.status == 405
        assert await bots[0].services.inbox.waiting() == 0
        odd = {"update_id": 6, "message": {"new": "kind of message"}}
        async with before.session.post(url, headers=right, json=odd) as answer:
            assert answer.status == 200  # else Telegram would send it for ever
        await all_handled(bots[0].services)


async def test_restarts_and_deaths_lose_nothing(tmp_path, sample_home, redis_url):
    async with hooked(tmp_path, sample_home, redis_url) as (bots, before, sandbox):
        one, two = bots
        me = one.owner
        await one.start()
        await listening(before, 1)
        await sandbox.fault("delay", "sendMessage", seconds=1.0)
        await me.send("/whoami")
        await sandbox.all_struck()
        await me.send("/runs")  # waits behind it in its lane
        await one.stop()  # ends what has begun, gives back what has not
        await me.send("/runs")  # nobody is there
        assert sum("Your Telegram id" in text for text in await told(me)) == 1
        await two.start()
        await me.wait_until(lambda ms: len([m for m in ms if m["from"]["is_bot"]]) >= 3, 30)
        await all_handled(two.services)
        assert sum(en.NO_RUNS in text for text in await told(me)) == 2

        await sandbox.fault("drop_before", "sendMessage", times=2)
        await sandbox.fault("delay", "sendMessage", seconds=1.0, times=4)
        sent = await me.send("/whoami")
        async with asyncio.timeout(5):
            while not await two.services.inbox.waiting():
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        await two.crash()
        await sandbox.clear_faults()
        assert await two.services.inbox.waiting() == 1
        later = one.services.clock
        one.services = replace(one.services, clock=lambda: later() + 2 * updates.LEASE)
        await one.start()
        await me.wait_for(lambda m: "Your Telegram id" in text_of(m), 15, after=sent["message_id"])
        await all_handled(one.services)


async def test_a_command_that_waited_is_asked_about(tmp_path, sample_home):
    async with hooked(tmp_path, sample_home, count=1) as (bots, _before, _sandbox):
        [bot] = bots
        clock = bot.services.clock
        bot.services = replace(bot.services, clock=lambda: clock() + timedelta(minutes=2))
        await bot.start()
        await bot.owner.send(COMMAND)
        await bot.owner.wait_for(lambda m: en.OLD_COMMAND in text_of(m), 30)
        assert await bot.services.runs.newest(1) == []


async def test_back_to_polling(tmp_path, sample_home):
    async with hooked(tmp_path, sample_home, count=1) as (bots, before, sandbox):
        [bot] = bots
        await bot.start()
        await listening(before, 1)
        await bot.owner.send("/runs")
        await bot.owner.wait_for(lambda m: en.NO_RUNS in text_of(m), 30)
        await bot.stop()
        body = {"update_id": 1, "message": {
            "message_id": 1, "date": int(bot.services.clock().timestamp()), "text": "/whoami",
            "chat": {"id": TRADER_ID, "type": "private"},
            "from": {"id": TRADER_ID, "is_bot": False, "first_name": "T"},
        }}  # fmt: skip
        await bot.services.inbox.put(1, "left over", body, bot.services.clock())
        settings = bot.services.settings.model_copy(update={"webhook_url": None})
        bot.services = replace(bot.services, settings=settings)
        await bot.start()
        await bot.owner.wait_for(lambda m: "Your Telegram id" in text_of(m), 30)
        sent = await bot.owner.send("/runs")
        await bot.owner.wait_for(lambda m: en.NO_RUNS in text_of(m), 10, after=sent["message_id"])
        assert (await sandbox.bot().get_webhook_info()).url == ""


async def test_the_bot_may_serve_the_http_entry_too(tmp_path, sample_home):
    async with hooked(tmp_path, sample_home, count=1) as (bots, before, _):
        [bot] = bots
        address = f"127.0.0.1:{free_port()}"
        more = {"http_address": address, "http_in": "bot"}
        settings = bot.services.settings.model_copy(update=more)
        bot.services = replace(bot.services, settings=settings)
        secret, _ = await new_token("chat", TRADER_ID, "trader", CLI, bot.services)
        await bot.start()
        await listening(before, 1)
        url, headers = f"http://{address}/runs?tell=true", {"Authorization": f"Bearer {secret}"}
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectorError):
                    async with before.session.post(url, json=BACKTEST, headers=headers) as got:
                        assert got.status == 202
                        break
                await asyncio.sleep(0.05)
        await bot.owner.wait_for(lambda m: "Asia_sweep" in text_of(m), 30)
        await bot.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await before.session.post(url, json=BACKTEST, headers=headers)


async def test_what_is_missing_is_said(tmp_path, sample_home):
    async with hooked(tmp_path, sample_home, count=1) as (bots, _, _):
        settings = bots[0].services.settings.model_copy(update={"webhook_secret": None})
        with pytest.raises(AppError, match="WEBHOOK_SECRET"):
            build(replace(bots[0].services, settings=settings))
