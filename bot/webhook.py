"""Telegram's webhook: a small server that takes updates, keeps them and says 200 at once."""

import asyncio
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiogram import Bot
from aiogram.types import Update
from aiohttp import web

from bot.poller import ALLOWED, lane_of
from flows.settings import Settings
from flows.settings_entries import host_and_port
from pipeline.domain.errors import AppError
from storage.entry_ports import UpdateInbox

log = structlog.get_logger(__name__)

SECRET: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
MOST_BYTES: Final = 1 << 20  # an update of the kinds asked for has some kilobytes
BODY_SECONDS: Final = 10.0
CONNECTIONS: Final = 40
AGAIN: Final = 5.0  # seconds until an address in use is tried again


class Webhook:
    """Listens at `WEBHOOK_ADDRESS` for what Telegram sends to the path of `WEBHOOK_URL`.

    Parameters
    ----------
    taken
        Called when an update was kept.
    """

    def __init__(
        self, settings: Settings, inbox: UpdateInbox, clock: Callable[[], datetime],
        taken: Callable[[], None],
    ) -> None:  # fmt: skip
        self.url, self._secret, self._address = webhook_settings(settings)
        self._inbox = inbox
        self._clock = clock
        self._taken = taken

    async def run(self) -> None:
        """Listen until cancelled; requests under way are answered."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post(urlsplit(self.url).path or "/", self._take)
        app.router.add_get("/health", _health)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            await self._listen(runner)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def drain(self, limit: float) -> None:
        """Nothing is under way once it listens no more."""

    async def tell_telegram(self, bot: Bot) -> None:
        """Say where updates are sent; to say the same again changes nothing."""
        await bot.set_webhook(
            self.url, secret_token=self._secret, allowed_updates=ALLOWED,
            max_connections=CONNECTIONS, drop_pending_updates=False,
        )  # fmt: skip

    async def _listen(self, runner: web.AppRunner) -> None:
        host, port = host_and_port(self._address)
        while True:
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                log.warning("webhook_not_heard", address=self._address, error=str(error))
                await asyncio.sleep(AGAIN)
            else:
                log.info("webhook_heard", address=self._address)
                return

    async def _take(self, request: web.Request) -> web.Response:
        """Keep an update. What is not kept is not acknowledged, so Telegram sends it again."""
        given = request.headers.get(SECRET, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._secret.encode()):
            log.warning("webhook_refused", why="the secret is missing" if not given else "wrong")
            return web.Response(status=401)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = _object(await request.read())
        except TimeoutError:
            return web.Response(status=408)
        if body is None:
            return web.Response(status=400)
        try:
            new = await self._inbox.put(body["update_id"], _lane(body), body, self._clock())
        except AppError as error:
            log.warning("update_not_kept", error=error.user_text)
            return web.Response(status=503)
        if new:
            self._taken()
        else:
            log.info("update_known", update_id=body["update_id"])
        return web.Response()


def webhook_settings(settings: Settings) -> tuple[str, str, str]:
    """Return URL, secret and address, or say which is missing."""
    secret, address = settings.webhook_secret, settings.webhook_address
    if settings.webhook_url is None or secret is None or address is None:
        raise AppError("A webhook needs WEBHOOK_URL, WEBHOOK_SECRET and WEBHOOK_ADDRESS.")
    return settings.webhook_url, secret.get_secret_value(), address


def _object(body: bytes) -> dict[str, Any] | None:
    """Return the update's JSON; None: it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    number = value.get("update_id") if isinstance(value, dict) else None
    return value if type(number) is int and 0 <= number < 2**63 else None


def _lane(body: dict[str, Any]) -> str:
    """Return the update's lane; one that can't be read goes alone, and is told of when handled."""
    try:
        return lane_of(Update.model_validate(body))
    except ValueError:
        return f"update:{body['update_id']}"


async def _health(_request: web.Request) -> web.Response:
    """Tell a load balancer that this bot listens."""
    return web.Response(text="ok")
