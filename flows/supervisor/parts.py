"""What a part is: how it starts, how one knows that it is up, how it stops."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Part:
    """One process of the set.

    Parameters
    ----------
    ready
        Asked again and again until it says yes.
    stop_seconds
        How long it may take to stop before it is killed.
    user
        Numeric user and group to run as; None: ours.
    ready_file
        Written by the part once it works; removed before each start.
    """

    name: str
    command: tuple[str, ...]
    address: str
    ready: Ready
    env: dict[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 2.5
    ready_seconds: float = 60.0
    user: int | None = None
    cwd: Path | None = None
    ready_file: Path | None = None


async def port_answers(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 0.5)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def http_answers(port: int, path: str) -> bool:
    """Whether a GET on a loopback port is answered with 200."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 0.5)
        writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), 2.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return b" 200 " in line


def file_touched(path: Path) -> Ready:
    """Ready once the part has written `path` (which is removed when it is started)."""

    async def ready() -> bool:
        return await asyncio.to_thread(path.exists)

    return ready


def running_as_root() -> bool:
    """Whether we are root, as whom PostgreSQL refuses to run."""
    return os.geteuid() == 0
