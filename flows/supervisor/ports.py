"""Ports of a set: the defaults where free, others where taken, the same again next time."""

import json
import socket
from pathlib import Path

DEFAULTS = {"redis": 6379, "prefect": 4200, "sandbox": 8088}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def choose_ports(home: Path) -> dict[str, int]:
    """Return a free loopback port for each service, remembered in the set's home."""
    path = home / "ports.json"
    try:
        held: dict[str, int] = json.loads(path.read_text())
    except (OSError, ValueError):
        held = {}
    chosen: dict[str, int] = {}
    for name, default in DEFAULTS.items():
        wanted = [p for p in (held.get(name), default) if isinstance(p, int)]
        taken = set(chosen.values())
        free = (p for p in wanted if p not in taken and _free(p))
        chosen[name] = next(free, None) or _any_free(taken)
    path.write_text(json.dumps(chosen))
    return chosen
