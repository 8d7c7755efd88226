"""Own the sandbox's webhook: where it is, and sending updates there as Telegram does.

Of one chat the next update waits until the last was taken; chats go on beside each other. What
is not answered with 2xx is sent again after a growing pause (shorter ones than Telegram's).
"""

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.errors import bad_request
from bot.sandbox.params import Json, Params
from bot.sandbox.registry import bot_api
from bot.sandbox.world import World

_SECRET = re.compile(r"[A-Za-z0-9_\-]{1,256}")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PORTS = frozenset({443, 80, 88, 8443})
_CONNECTIONS = 40
_CONNECTIONS_MAX = 100
_ANSWER_SECONDS = 10.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_LOOK = 0.1


@bot_api
async def set_webhook(world: World, params: Params) -> Any:
    """Send updates to a URL from now on; an empty one fetches again."""
    url = params.text("url")
    if params.flag("drop_pending_updates"):
        world.updates.drop_all()
    if not url:
        return await delete_webhook(world, Params({}))
    _check_url(url)
    secret = params.text("secret_token")
    if secret and not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    most = params.number("max_connections", _CONNECTIONS)
    hook = {
        "url": url,
        "secret_token": secret,
        "max_connections": most if 1 <= most <= _CONNECTIONS_MAX else _CONNECTIONS,
    }
    world.updates.allow(params.structure("allowed_updates"))
    world.store.set_fact("webhook", hook)
    world.updates.hook(works=True)
    return True


@bot_api
async def delete_webhook(world: World, params: Params) -> Any:
    """Send updates nowhere; they wait to be fetched."""
    if params.flag("drop_pending_updates"):
        world.updates.drop_all()
    world.store.set_fact("webhook", {})
    world.updates.hook(works=False)
    return True


@bot_api
async def get_webhook_info(world: World, _params: Params) -> Any:
    """Tell where updates are sent, how many wait, and what went wrong last."""
    hook = world.updates.webhook
    told: Json = {
        "url": hook.get("url", ""),
        "has_custom_certificate": False,
        "pending_update_count": world.updates.waiting,
    }
    if hook:
        told["max_connections"] = hook["max_connections"]
        told["allowed_updates"] = world.store.fact("allowed_updates", [])
        told |= {name: hook[name] for name in ("last_error_date", "last_error_message")
                 if name in hook}  # fmt: skip
    return told


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return  # the sandbox's own freedom: nothing leaves this machine
    if parts.scheme != "https" or not parts.hostname:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if (parts.port or 443) not in _PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


class Sendings:
    """Sends what waits to the webhook, as long as the sandbox runs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[int, int] = {}
        self._due: dict[str, float] = {}

    async def run(self) -> None:
        """Send until cancelled."""
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        ) as session:
            try:
                while True:
                    hook = self._world.updates.webhook
                    if hook:
                        self._begin(session, hook)
                    await self._world.updates.news(_LOOK)
            finally:
                for task in self._under_way.values():
                    task.cancel()
                await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _begin(self, session: aiohttp.ClientSession, hook: Json) -> None:
        now = asyncio.get_running_loop().time()
        begun = set(self._under_way)
        for update in self._world.updates.all_waiting():
            queue = _queue(update)
            if queue in begun or len(self._under_way) >= hook["max_connections"]:
                continue
            begun.add(queue)  # the first of its queue, whether or not it is due
            if self._due.get(queue, 0.0) <= now:
                task = asyncio.create_task(self._send(session, hook, update, queue))
                self._under_way[queue] = task

    async def _send(
        self, session: aiohttp.ClientSession, hook: Json, update: Json, queue: str
    ) -> None:
        number = update["update_id"]
        problem = await _posted(session, hook, update)
        del self._under_way[queue]
        if not problem:
            self._world.updates.forget(number)
            self._failed.pop(number, None)
            self._due.pop(queue, None)
            self._world.updates.hook(works=True)
            return
        failures = self._failed[number] = self._failed.get(number, 0) + 1
        pause = _PAUSES[min(failures, len(_PAUSES)) - 1]
        self._due[queue] = asyncio.get_running_loop().time() + pause
        if self._world.updates.webhook.get("url") == hook["url"]:
            noted = {"last_error_date": self._world.now, "last_error_message": problem}
            self._world.store.set_fact("webhook", self._world.updates.webhook | noted)
            self._world.updates.hook(works=False)


async def _posted(session: aiohttp.ClientSession, hook: Json, update: Json) -> str:
    """Send one update; what went wrong, or nothing."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": hook["secret_token"]}
    headers = headers if hook["secret_token"] else {}
    try:
        async with session.post(
            hook["url"], json=update, headers=headers, allow_redirects=False
        ) as answer:
            good = 200 <= answer.status < 300  # noqa: PLR2004
            return "" if good else f"Wrong response from the webhook: {answer.status}"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"Connection failed: {type(error).__name__}"


def _queue(update: Json) -> str:
    """Return what orders an update: its chat."""
    event: Any = next((v for k, v in update.items() if k != "update_id"), {})
    message = event.get("message", event)
    return str(message.get("chat", {}).get("id", "")) or str(update["update_id"])
