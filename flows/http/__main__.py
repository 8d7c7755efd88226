"""`python -m flows.http`: the HTTP entry in a process of its own, until it is told to stop."""

import asyncio
import signal
import sys

from flows.http.server import HttpEntry
from flows.observing import observe
from flows.pulse import Heart
from flows.ready import announce_ready
from flows.services import open_services
from flows.settings import Settings
from flows.settings_start import settings_or_exit
from pipeline.domain.errors import AppError
from storage.telemetry import get_logger

log = get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    if settings.http_address is None:
        raise AppError("HTTP_ADDRESS is not set: give HOST:PORT, like 127.0.0.1:8080.")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_services(settings, computes=not settings.prefect_api_url) as services:
        entry = HttpEntry(services, settings.http_address)
        heart = Heart("http", services, dict)
        serving = asyncio.create_task(entry.serve())
        beating = asyncio.create_task(heart.keep())
        waiting = [asyncio.create_task(entry.started()), asyncio.create_task(stop.wait())]
        await asyncio.wait({serving, waiting[0]}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            announce_ready()
            log.info("http_serves", address=entry.address)
            await asyncio.wait({serving, waiting[1]}, return_when=asyncio.FIRST_COMPLETED)
        await entry.stop()
        for task in (beating, *waiting):
            task.cancel()
        await asyncio.gather(beating, *waiting, return_exceptions=True)
        await heart.stop()
        await serving


def main() -> int:
    """Run; 2 if it is not set up."""
    settings = settings_or_exit()
    observe(settings, "http", sys.stdout)
    try:
        asyncio.run(serve(settings))
    except AppError as error:
        print(error.user_text, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
