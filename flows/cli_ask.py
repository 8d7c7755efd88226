"""`scout ask`: a question over the trades of a finished backtest."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from flows.asking import answer_lines, answer_title, ask
from flows.cli_app import FREE_WORDS, app, run_command, say
from flows.services import Services
from pipeline.domain.errors import RequestError


@app.command(name="ask", context_settings=FREE_WORDS)
def ask_command(
    words: Annotated[list[str], typer.Argument(help="run id, and a question")],
    picture: Annotated[Path | None, typer.Option(help="write the picture (PNG) there")] = None,
) -> None:
    """Ask about a backtest's trades: scout ask bt_2025_10_31_001 by weekday."""
    run_command(lambda services: _ask(" ".join(words), picture, services))


async def _ask(text: str, picture: Path | None, services: Services) -> int:
    answer = await ask(text, services)
    if picture is not None and answer.png is not None:
        try:
            await asyncio.to_thread(picture.write_bytes, answer.png)
        except OSError as error:
            raise RequestError(f"{picture} can't be written: {error.strerror}.") from error
    return say([answer_title(answer), *answer_lines(answer)])
