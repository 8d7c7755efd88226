"""What the processes of this machine wrote about a run, or of errors: found, and as text."""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flows.observing import logs_folder
from flows.services import Services
from pipeline.domain.errors import BadRequestError, RequestError
from storage.log_reading import Found, LogEntry, errors_since, lines_about

MOST_BYTES: Final = 20_000_000
"""The newest lines of what is found; more is no longer read by people, nor taken by Telegram."""
_ID = re.compile(r"(?:[a-z]+)_(\d{4})_(\d{2})_(\d{2})_\d+")
_UNTOLD: Final = ("logger", "run_id", "pid")
_LONG_VALUE = 300


async def run_log(run_id: str, services: Services) -> Found:
    """Return what all processes wrote about a run, in the order of time.

    Raises
    ------
    RequestError
        It is no run id, or nothing is held about it.
    """
    first = day_of(run_id)
    run = await services.runs.get(run_id)
    last = first + timedelta(days=1)  # a scan that began before midnight
    if run is not None:
        last = (run.ended_at or services.clock()).astimezone(UTC).date() + timedelta(days=1)
    found = await asyncio.to_thread(
        lines_about, logs_folder(services.settings), run_id, first, last, most_bytes=MOST_BYTES
    )
    if not found.entries:
        raise RequestError(
            f"No log line on this machine names {run_id}: "
            + (
                "lines are kept LOG_DAYS "
                f"({services.settings.log_days}) days, by each machine for itself."
                if run is not None
                else "there is no such run, see /runs."
            )
        )
    return found


async def error_log(since: datetime, services: Services) -> Found:
    """Return what was logged as an error since a moment, by all processes."""
    today = services.clock().astimezone(UTC).date()
    return await asyncio.to_thread(
        errors_since, logs_folder(services.settings), since, today, most_bytes=MOST_BYTES
    )


def day_of(run_id: str) -> date:
    """Return the UTC day on which a run was asked for, as its id says.

    Raises
    ------
    BadRequestError
        It is no run id.
    """
    match = _ID.fullmatch(run_id)
    if match is not None:
        with suppress(ValueError):
            return date(*map(int, match.groups()))
    raise BadRequestError(
        f"'{run_id}' is no run id: they are like bt_2025_10_31_001, see /runs.",
        field="run_id", value=run_id,
    )  # fmt: skip


def entry_line(entry: LogEntry, zone: str, *, day: bool = False) -> str:
    """Return an entry as a person reads it: clock time, process, what, its facts."""
    at = entry.at.astimezone(ZoneInfo(zone))
    when = f"{at:%Y-%m-%d %H:%M:%S}" if day else f"{at:%H:%M:%S}"
    level = "" if entry.level in ("info", "") else f" {entry.level.upper()}"
    facts = [_fact(name, value) for name, value in entry.facts.items() if name not in _UNTOLD]
    return " ".join([f"{when} {entry.process}{level} {entry.event}", *facts])


def _fact(name: str, value: Any) -> str:
    if name == "exception":
        return str(value).strip().rpartition("\n")[2][:_LONG_VALUE]  # what was raised
    words = str(value).replace("\n", "\\n")
    return f"{name}={words[:_LONG_VALUE]}{'…' if len(words) > _LONG_VALUE else ''}"
