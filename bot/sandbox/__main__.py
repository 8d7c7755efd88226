"""Own the command ``python -m bot.sandbox``: run the sandbox until it is told to stop."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from bot.sandbox.server import Options, Sandbox

DEFAULT_TOKEN = "1000000042:sandbox-only-no-such-bot-on-telegram"  # noqa: S105 - opens nothing


def _arguments(given: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    parser.add_argument("--home", type=Path, default=Path(".scout/sandbox"))
    parser.add_argument("--token", default=DEFAULT_TOKEN)
    parser.add_argument("--faults", action="store_true", help="open /sandbox/faults, for tests")
    parser.add_argument("--rate-limits", action="store_true", help="refuse bursts with a 429")
    read = parser.parse_args(given)
    return Options(read.home, read.token, read.port, read.faults, read.rate_limits)


async def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM; the first line printed is the address."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(options) as sandbox:
        sys.stdout.write(f"{sandbox.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(run(_arguments(sys.argv[1:])))
