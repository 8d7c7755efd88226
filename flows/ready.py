"""Tells the supervisor or the container's health check that a part works, and goes on working."""

import os
from contextlib import suppress
from pathlib import Path


def announce_ready() -> None:
    """Write the file named by SCOUT_READY_FILE; without that setting nothing happens."""
    path = _ready_file()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(os.getpid()))


def sign_of_life() -> None:
    """Touch the file, if the part has announced itself; `flows.healthcheck` looks at its age."""
    path = _ready_file()
    if path is not None:
        with suppress(OSError):
            os.utime(path)


def _ready_file() -> Path | None:
    name = os.environ.get("SCOUT_READY_FILE")
    return Path(name) if name else None
