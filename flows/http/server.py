"""Serving the HTTP entry in this process's event loop, until told to stop."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import uvicorn

from flows.http.app import bounded, build
from flows.http.once import KEPT, drain
from flows.services import Services
from flows.settings_entries import host_and_port
from pipeline.domain.errors import AppError
from storage.telemetry import get_logger

log = get_logger(__name__)
MOST_AT_ONCE: Final = 200
KEEP_ALIVE: Final = 15
DRAIN: Final = 6.0  # seconds
SWEEP_EVERY: Final = 3600.0


class _Server(uvicorn.Server):
    """uvicorn's server without its hands on the signals: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpEntry:
    """The listening server of a process.

    Raises
    ------
    AppError
        From `serve`: the address can't be listened on.
    """

    def __init__(self, services: Services, address: str) -> None:
        self._services = services
        host, self._port = host_and_port(address)
        self._server = _Server(uvicorn.Config(
            bounded(build(services)), host=host, port=self._port, lifespan="off", ws="none",
            http="h11", loop="none", log_config=None, access_log=False, server_header=False,
            limit_concurrency=MOST_AT_ONCE, timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(DRAIN),
        ))  # fmt: skip
        self.address = address

    async def serve(self) -> None:
        """Serve until `stop`."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self._server.serve()
        except SystemExit as error:  # what uvicorn makes of an address in use
            raise AppError(f"HTTP_ADDRESS {self.address} can't be listened on.") from error
        finally:
            sweeping.cancel()

    async def run(self) -> None:
        """Serve until cancelled; requests under way are answered first."""
        serving = asyncio.create_task(self.serve())
        try:
            await asyncio.shield(serving)
        except AppError as error:
            log.error("http_not_served", error=error.user_text)  # noqa: TRY400  (it says all)
        finally:
            await self.stop()
            await asyncio.gather(serving, return_exceptions=True)

    async def drain(self, limit: float) -> None:
        """Let launches end that nobody waits for."""
        await drain(limit)

    async def started(self) -> None:
        """Wait until requests are taken."""
        while not self._server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Take no more requests, let those under way end."""
        self._server.should_exit = True
        await drain(DRAIN)

    async def _sweep(self) -> None:
        """Forget old keys of requests now and then."""
        while True:
            try:
                before = self._services.clock() - KEPT - timedelta(hours=1)
                await self._services.request_keys.sweep(before)
            except AppError as error:
                log.warning("keys_not_swept", error=error.user_text)
            await asyncio.sleep(SWEEP_EVERY)
