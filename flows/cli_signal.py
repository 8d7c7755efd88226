"""`scout signal`: everything about one signal, in words and as files."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_app import FREE_WORDS, app, run_command, say
from flows.inspecting import (
    Inspected,
    find_signal,
    inspected,
    longer_picture,
    nearest_pictures,
    raw_values,
)
from flows.inspecting_text import case_line, lines_of
from flows.services import Services
from pipeline.domain.errors import AppError, RequestError


@app.command(name="signal", context_settings=FREE_WORDS)
def signal_command(
    words: Annotated[list[str], typer.Argument(help="id of a live signal, like sig_live_012")],
    folder: Annotated[
        Path | None, typer.Option(help="write its pictures (PNG) and values (JSON) there")
    ] = None,
) -> None:
    """Tell everything about one signal: scout signal sig_live_012."""
    run_command(lambda services: _signal(" ".join(words), folder, services))


async def _signal(text: str, folder: Path | None, services: Services) -> int:
    found = await inspected(await find_signal(text, services), services)
    lines = [*lines_of(found), "", *await _near_lines(found, folder, services)]
    if folder is not None:
        lines += await _written(found, folder, services)
    return say(lines)


async def _near_lines(found: Inspected, folder: Path | None, services: Services) -> list[str]:
    try:
        near = await nearest_pictures(found, services)
    except AppError as error:
        return [f"Past cases most like it: {error.user_text}"]
    lines = ["Past cases most like it, nearest first (distance in brackets)"]
    for number, item in enumerate(near, start=1):
        case = item.near.case
        line = case_line(number, case.signal, case.trade.rr, case.trade.exit_reason, found.zone)
        lines.append(f"  {line} ({item.near.distance:.2f})")
        if folder is not None and item.png is not None:
            await _write(folder / f"case_{number:02d}.png", item.png)
    return lines


async def _written(found: Inspected, folder: Path, services: Services) -> list[str]:
    name = found.record.signal_id
    await _write(folder / f"{name}.json", await raw_values(found, services))
    try:
        await _write(folder / f"{name}_longer.png", await longer_picture(found, services))
    except AppError as error:
        return [f"No chart on longer bars: {error.user_text}", f"Written: {folder}"]
    return [f"Written: {folder}"]


async def _write(path: Path, data: bytes) -> None:
    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    try:
        await asyncio.to_thread(write)
    except OSError as error:
        raise RequestError(f"{path} can't be written: {error.strerror}.") from error
