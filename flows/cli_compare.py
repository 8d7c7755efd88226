"""`scout compare`: two backtests side by side."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_app import app, run_command, say
from flows.comparing import compare_runs
from flows.comparison_text import (
    figure_words,
    lone_lines,
    setting_words,
    trade_counts,
    verdict_words,
)
from flows.services import Services
from pipeline.domain.comparison import Comparison, RunFacts
from pipeline.domain.errors import RequestError

_MOST_LONE = 200  # of each run


@app.command()
def compare(
    one: Annotated[str, typer.Argument(help="run A")],
    two: Annotated[str, typer.Argument(help="run B; differences are B − A")],
    picture: Annotated[Path | None, typer.Option(help="write the picture (PNG) there")] = None,
) -> None:
    """Compare two finished backtests: figures with paired intervals, trades of one only."""
    run_command(lambda services: _compare(one, two, picture, services))


async def _compare(one: str, two: str, picture: Path | None, services: Services) -> int:
    compared = await compare_runs(one, two, services)
    if picture is not None:
        try:
            await asyncio.to_thread(picture.write_bytes, compared.png)
        except OSError as error:
            raise RequestError(f"{picture} can't be written: {error.strerror}.") from error
    return say(comparison_lines(compared.found))


def comparison_lines(found: Comparison) -> list[str]:
    """Return a comparison as lines."""
    lines = [_run("A", found.one), _run("B", found.two), "", verdict_words(found), ""]
    settings = [f"  {setting_words(pair)}" for pair in found.settings]
    lines += ["What differs:", *(settings or ["  nothing that is recorded"]), ""]
    lines += ["Figures, A → B:", *(f"  {figure_words(pair)}" for pair in found.figures), ""]
    lines += ["Trades:", *(f"  {line}" for line in trade_counts(found))]
    for name, alone in (("A", found.only_one), ("B", found.only_two)):
        lines += [f"  {line}" for line in lone_lines(name, alone, _MOST_LONE)]
    return lines


def _run(name: str, facts: RunFacts) -> str:
    kind = "  SYNTHETIC" if facts.synthetic else ""
    what = f"{facts.setup_id} {facts.rule_version}  {facts.symbol} {facts.timeframe}"
    return f"{name}  {facts.run_id}  {what}  {facts.start} – {facts.end}{kind}"
