"""`scout logs`: what the processes wrote about a run, of errors, or as it comes."""

import asyncio
import re
from datetime import timedelta
from typing import Annotated

import typer

from flows.cli_app import app, run_command, say
from flows.observing import logs_folder
from flows.run_logs import entry_line, error_log, run_log
from flows.services import Services
from pipeline.domain.errors import BadRequestError
from storage.log_reading import Found, LogEntry, Tail

_LOOK = 0.3
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@app.command()
def logs(
    run_id: Annotated[str | None, typer.Argument(help="a run's id")] = None,
    errors: Annotated[
        str | None, typer.Option(help="errors of the last 30m, 24h or 7d, of all processes")
    ] = None,
    *,
    follow: Annotated[bool, typer.Option(help="print lines as they come, until Ctrl-C")] = False,
    raw: Annotated[bool, typer.Option("--json", help="print the lines as they are kept")] = False,
) -> None:
    """Print what all processes wrote: scout logs bt_2025_10_31_001."""

    async def look(services: Services) -> int:
        zone = services.settings.timezone
        if errors is not None:
            since = services.clock() - span_of(errors)
            return say(_lines(await error_log(since, services), zone, raw=raw))
        if run_id is not None and not follow:
            return say(_lines(await run_log(run_id, services), zone, raw=raw))
        if not follow:
            raise BadRequestError(
                "Name a run (scout logs bt_2025_10_31_001), or say --errors 24h, or --follow.",
                field="run_id", value="",
            )  # fmt: skip
        return await _follow(run_id, services, raw=raw)

    run_command(look)


async def _follow(run_id: str | None, services: Services, *, raw: bool) -> int:
    tail = Tail(logs_folder(services.settings))
    word = (run_id or "").encode()
    while True:
        new = [entry for entry in await asyncio.to_thread(tail.new) if word in entry.line]
        for line in [_line(entry, services.settings.timezone, raw=raw) for entry in new]:
            print(line, flush=True)  # noqa: T201
        await asyncio.sleep(_LOOK)


def _lines(found: Found, zone: str, *, raw: bool) -> list[str]:
    lines = [_line(entry, zone, raw=raw) for entry in found.entries]
    return ["(older lines are left out)", *lines] if found.cut and not raw else lines


def _line(entry: LogEntry, zone: str, *, raw: bool) -> str:
    return entry.line.decode("utf-8", "replace") if raw else entry_line(entry, zone, day=True)


def span_of(text: str) -> timedelta:
    """Read a span such as 30m, 24h or 7d.

    Raises
    ------
    BadRequestError
        It is none.
    """
    match = re.fullmatch(r"(\d{1,4})([mhd])", text.strip().lower())
    if match is None:
        raise BadRequestError(
            f"'{text}' is no span of time: say 30m, 24h or 7d.", field="errors", value=text
        )
    return int(match[1]) * _UNITS[match[2]]
