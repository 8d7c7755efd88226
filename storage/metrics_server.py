"""Serving a process's metrics by HTTP, and saying where in a file that Prometheus reads."""

import atexit
import contextlib
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.telemetry import get_logger

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

log = get_logger(__name__)
_ALL = ("", "0.0.0.0", "::")  # noqa: S104  (named to be told apart)


@dataclass(frozen=True)
class MetricsServer:
    """Metrics that are being served."""

    host: str
    port: int
    stop: Callable[[], None]


def serve_metrics(
    registry: "CollectorRegistry", address: str, folder: Path, process: str
) -> MetricsServer:
    """Serve a registry at HOST:PORT from a thread of its own until the process ends.

    If the port is taken (several processes with one setting), or 0, it is a free one. `folder`
    gets a file with the address, as Prometheus' file_sd_configs wants it; it goes with the
    process, and those of processes that were killed go when the next one starts.
    """
    from prometheus_client import start_http_server  # noqa: PLC0415  (not where it is off)

    host, _, wanted = address.rpartition(":")
    host = host.strip("[]")
    try:
        server, thread = start_http_server(int(wanted), host, registry)
    except OSError as error:
        log.warning("metrics_port_taken", address=address, error=str(error))
        server, thread = start_http_server(0, host, registry)
    port = int(server.server_port)
    path = _announced(folder, process, f"{_reached(host)}:{port}")
    log.info("metrics_served", host=host, port=port)

    def stop() -> None:
        path.unlink(missing_ok=True)
        server.shutdown()
        server.server_close()
        thread.join(2.0)

    atexit.register(path.unlink, missing_ok=True)
    return MetricsServer(host, port, stop)


def _reached(host: str) -> str:
    return socket.gethostname() if host in _ALL else f"[{host}]" if ":" in host else host


def _announced(folder: Path, process: str, target: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    here = socket.gethostname()
    for path in folder.glob(f"*@{here}@*.json"):
        number = path.stem.rpartition("@")[2]
        if not (number.isdigit() and _lives(int(number))):
            path.unlink(missing_ok=True)
    path = folder / f"{process}@{here}@{os.getpid()}.json"
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps([{"targets": [target], "labels": {"process": process}}]))
    aside.replace(path)
    return path


def _lives(number: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(number, 0)
        except PermissionError:
            return True
        return True
    return False
