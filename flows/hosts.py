"""Which host this is, and which process of it: the names under which runs are claimed.

A host is the machine's name and a mark in SCOUT_HOME. Processes that share the home share its
file locks, so there a dead one is noticed at once; everybody else goes by the lease.
"""

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path


def host_of(home: Path) -> str:
    """Return the host's name, like `rack1-3f9a2c`; its mark is made if there is none yet."""
    path = home / "host"
    home.mkdir(parents=True, exist_ok=True)
    passing = path.with_name(f".host.{secrets.token_hex(6)}")
    try:
        passing.write_text(secrets.token_hex(3), encoding="ascii")
        with suppress(FileExistsError):  # one that starts with this one may have been first
            os.link(passing, path)
    finally:
        passing.unlink(missing_ok=True)
    return f"{socket.gethostname()}-{path.read_text(encoding='ascii').strip()}"


def owner_on(host: str) -> str:
    """Return a name for this process: no other has it, now or later."""
    return f"{host}:{os.getpid()}-{secrets.token_hex(3)}"


def same_host(owner: str, other: str) -> bool:
    """Tell whether two owners share a home and its locks."""
    return owner.partition(":")[0] == other.partition(":")[0]
