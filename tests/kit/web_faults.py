"""How fakes over HTTP misbehave, and how they are served."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.kit.source_worlds import ALWAYS, Fault

SLOW_SECONDS = 1.0
TIMEOUT = 0.3
"""What an adapter waits for an answer where one is slow; else it has all the time it wants."""
HTML = "<html><head><title>Error</title></head><body>Will be right back...</body></html>"


@dataclass
class Faults:
    """What goes wrong next, one a question; `bodies` are given first, with status 200."""

    queue: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    bodies: list[str] = field(default_factory=list)
    texts: dict[Fault, str] = field(default_factory=dict)

    def add(self, fault: Fault, times: int) -> None:
        """Let the next questions go wrong."""
        if times == ALWAYS:
            self.always = fault
        else:
            self.queue += [fault] * times

    def take(self) -> Fault | None:
        """Return what goes wrong now."""
        return self.queue.pop(0) if self.queue else self.always

    async def answer(self, fault: Fault, request: web.Request, body: str) -> web.StreamResponse:
        """Answer wrongly; `body` is what would have been right."""
        text = self.texts.get(fault, HTML)
        if fault is Fault.SLOW:  # before anything is opened
            await asyncio.sleep(SLOW_SECONDS)
            return web.Response(text=body, content_type="application/json")
        if fault is Fault.CUT:
            return await _cut(request, body.encode())
        status, headers = {
            Fault.UNAUTHORIZED: (401, {}),
            Fault.FORBIDDEN: (403, {}),
            Fault.BUSY: (429, {"Retry-After": "7"}),
            Fault.BUSY_LONG: (429, {"Retry-After": "100000"}),
            Fault.BROKEN: (503, {}),
        }[fault]
        return web.Response(status=status, headers=headers, text=text)


def hasty(faults: Faults, adapter: Any) -> Callable[[Fault, int], None]:
    """Return what lets questions go wrong; where answers are slow the adapter won't wait long."""

    def fail(fault: Fault, times: int) -> None:
        if fault is Fault.SLOW:  # before anything is opened
            adapter._seconds = TIMEOUT
        faults.add(fault, times)

    return fail


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise all of a body, send half of it and hang up."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body) + 10
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port of 127.0.0.1 and give the URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
