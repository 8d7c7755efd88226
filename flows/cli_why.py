"""`scout why`: why there was a signal or none, at a moment, on a day or in a period."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_app import FREE_WORDS, app, run_command, say
from flows.inspecting import find_signal
from flows.services import Services
from flows.why import why
from flows.why_live import is_signal, why_signal
from flows.why_text import headline, lines_of, short_lines
from pipeline.domain.errors import RequestError


@app.command(name="why", context_settings=FREE_WORDS)
def why_command(
    words: Annotated[list[str], typer.Argument(help="symbol, day or period, time, setup")],
    picture: Annotated[Path | None, typer.Option(help="write the picture (PNG) there")] = None,
) -> None:
    """Say why there was no signal: scout why GER40 2025-03-10 10:15 Frank_raid_v1."""
    run_command(lambda services: _why(" ".join(words), picture, services))


async def _why(text: str, picture: Path | None, services: Services) -> int:
    if is_signal(text):
        return say(await why_signal(await find_signal(text, services), services, None))
    answers = await why(text, services)
    if len(answers) > 1:
        return say(short_lines(answers))
    (answer,) = answers
    if picture is not None and answer.png is not None:
        try:
            await asyncio.to_thread(picture.write_bytes, answer.png)
        except OSError as error:
            raise RequestError(f"{picture} can't be written: {error.strerror}.") from error
    return say([headline(answer), *lines_of(answer)])
