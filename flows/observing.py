"""What a process shows of itself from its start on: its log lines, its metrics, its spans.

Each composition root calls `observe` once, after its imports.
"""

import logging
import os
from pathlib import Path
from typing import Final, TextIO

from flows.app_version import app_version
from flows.settings import Settings
from storage.log_files import MEGABYTE, LogFile, LogLimits
from storage.metrics import ErrorCounter, turn_on
from storage.metrics_server import serve_metrics
from storage.telemetry import configure_logging
from storage.tracing import trace_to

CONSOLE: Final = "SCOUT_CONSOLE"
"""The supervisor sets it to "off": what a part prints is kept as well, and would be kept twice."""
_CHATTY: Final = ("httpx", "alembic", "apscheduler")


def observe(settings: Settings, name: str, stream: TextIO | None) -> None:
    """Send this process's log lines to its file, and to `stream` as LOG_FORMAT says.

    Its metrics are served where METRICS_ADDRESS says, its spans told where OTEL_ENDPOINT says.

    Parameters
    ----------
    name
        worker, scanner, bot …: names the file, and the process in each line.
    """
    console = None if os.environ.get(CONSOLE) == "off" else stream
    file = LogFile(logs_folder(settings), name, log_limits(settings))
    as_json = settings.log_format == "json"
    configure_logging(console, settings.log_level, json=as_json, file=file)
    if settings.metrics_address:
        registry = turn_on(name, app_version())
        logging.getLogger().addHandler(ErrorCounter())
        serve_metrics(registry, settings.metrics_address, targets_folder(settings), name)
    if settings.otel_endpoint:
        trace_to(settings.otel_endpoint, name, app_version())
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def logs_folder(settings: Settings) -> Path:
    """Return where all processes of this installation, on this machine, write their lines."""
    return settings.home / "logs"


def targets_folder(settings: Settings) -> Path:
    """Return where each process says at which address its metrics are served."""
    return settings.home / "run" / "metrics"


def log_limits(settings: Settings) -> LogLimits:
    """Return how long and how much of the logs is kept."""
    return LogLimits(settings.log_days, settings.log_max_mb * MEGABYTE)
