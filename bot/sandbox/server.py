"""Own the HTTP server: who may call it, the Bot API's addresses, and the life of the process."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox import api_bot, api_edits, api_messages, webhooks
from bot.sandbox.errors import ApiError
from bot.sandbox.faults import Faults, RateLimits
from bot.sandbox.page import WORLD, add_page
from bot.sandbox.params import read_params
from bot.sandbox.registry import METHODS
from bot.sandbox.world import World

__all__ = ["Options", "Sandbox", "api_bot", "api_edits", "api_messages", "webhooks"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_REQUEST_BYTES_MAX = 64 * 1024 * 1024
_HTML_502 = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>"
)
_FAULTS: web.AppKey[Faults] = web.AppKey("faults", Faults)
_LIMITS: web.AppKey[RateLimits] = web.AppKey("limits", RateLimits)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Options:
    """How a sandbox runs.

    Parameters
    ----------
    home
        Folder of everything it remembers.
    token
        The one token it knows.
    port
        0 takes a free one.
    faults
        Open ``/sandbox/faults``, for tests.
    rate_limits
        Refuse a burst of messages as Telegram does.
    clock
        Seconds since 1970.
    """

    home: Path
    token: str
    port: int = 0
    faults: bool = False
    rate_limits: bool = False
    clock: Callable[[], float] = time.time


class Sandbox:
    """A running sandbox; ``async with Sandbox(options) as sandbox: sandbox.url``."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.url = ""
        self.world = World(options.home, options.token, options.clock)
        # cancelled handlers are how a poll notices that its bot has gone
        self._runner = web.AppRunner(
            _application(self.world, options),
            handler_cancellation=True,
            shutdown_timeout=0.5,
            access_log=None,
        )
        self._loops: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.options.port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        sending = webhooks.Sendings(self.world)
        self._loops = tuple(
            asyncio.create_task(work) for work in (_tell_online(self.world), sending.run())
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._runner.cleanup()
        self.world.close()


async def _tell_online(world: World) -> None:
    told: bool | None = None
    while True:
        if world.updates.online != told:
            told = world.updates.online
            world.hub.put("online", online=told)
        await asyncio.sleep(0.5)


def _application(world: World, options: Options) -> web.Application:
    app = web.Application(middlewares=[_guard, _refuse], client_max_size=_REQUEST_BYTES_MAX)
    app[WORLD] = world
    app[_FAULTS] = Faults()
    if options.rate_limits:
        app[_LIMITS] = RateLimits(options.clock)
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", _call)
    app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", _download)
    if options.faults:
        app.router.add_route("*", "/sandbox/faults", _plan_faults)
    add_page(app)
    return app


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Let in what this machine's own programs and the page itself ask.

    A web page of somebody else's can reach loopback in two ways: a name of theirs that resolves
    to 127.0.0.1 (the Host header shows it), and a cross-site request (Origin shows that).
    """
    host = urlsplit(f"//{request.host}").hostname
    if host not in _LOOPBACK:
        raise web.HTTPForbidden(text="loopback only")
    origin = request.headers.get("Origin", f"http://{request.host}")
    site = request.headers.get("Sec-Fetch-Site", "none")
    foreign = origin != f"http://{request.host}" or site not in {"same-origin", "none"}
    if foreign and request.path != "/":  # a link to the page itself may be followed
        raise web.HTTPForbidden(text="same origin only")
    return await handler(request)


@web.middleware
async def _refuse(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body(), status=error.code)
    except web.HTTPRequestEntityTooLarge:
        too_large = ApiError(413, "Request Entity Too Large")
        return web.json_response(too_large.body(), status=413)


async def _call(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    _authorise(world, request.match_info["token"])
    name = request.match_info["method"].lower()
    if name not in METHODS:
        raise ApiError(404, "Not Found")
    params = await read_params(request)
    fault = request.app[_FAULTS].take(name, params)
    if fault is not None:
        if fault.kind == "drop_before":
            return _drop(request)
        if fault.kind == "bad_gateway":
            return web.Response(text=_HTML_502, status=502, content_type="text/html")
        await fault.strike()
    if _LIMITS in request.app:
        request.app[_LIMITS].check(name, params)
    result = await METHODS[name](world, params)
    if fault is not None and fault.kind == "drop_after":
        return _drop(request)
    if fault is not None and fault.kind == "delay_after":
        await asyncio.sleep(fault.seconds)
    return web.json_response({"ok": True, "result": result}, dumps=_dump)


async def _download(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    _authorise(world, request.match_info["token"])
    kept = world.files.by_path(request.match_info["path"])
    if kept is None:
        raise ApiError(404, "Not Found")
    return web.FileResponse(
        world.files.place(kept), headers={"Content-Type": "application/octet-stream"}
    )


async def _plan_faults(request: web.Request) -> web.Response:
    faults = request.app[_FAULTS]
    if request.method == "POST":
        faults.plan(dict((await read_params(request)).values))
    if request.method == "DELETE":
        faults.clear()
    return web.json_response({"ok": True, "result": faults.left()})


def _authorise(world: World, token: str) -> None:
    if not hmac.compare_digest(token.encode(), world.token.encode()):
        raise ApiError(401, "Unauthorized")


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
