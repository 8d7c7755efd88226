"""Sweep, walk-forward and batch on the command line."""

from typing import Annotated

import typer

from flows.cli_app import FREE_WORDS, app
from flows.cli_runs import launch_words

Wait = Annotated[bool, typer.Option(help="wait for the end and print the report")]


@app.command(context_settings=FREE_WORDS)
def sweep(
    words: Annotated[list[str], typer.Argument(help="as a backtest, and name=a..b/step …")],
    *,
    wait: Wait = True,
) -> None:
    """Test a grid: scout sweep Frank_raid_v1 GER40 M5 2025 min_gap_atr=0.1|0.2 rr=1..3/1."""
    launch_words("sweep", words, wait=wait)


@app.command(context_settings=FREE_WORDS)
def walkforward(
    words: Annotated[list[str], typer.Argument(help="as a sweep, and in=120d out=30d")],
    *,
    wait: Wait = True,
) -> None:
    """Choose from a grid on rolling windows and count what comes after each choice."""
    launch_words("walkforward", words, wait=wait)


@app.command(context_settings=FREE_WORDS)
def batch(
    words: Annotated[list[str], typer.Argument(help="setups, symbols, timeframes, periods")],
    *,
    wait: Wait = True,
) -> None:
    """Test setups over symbols and periods: scout batch Frank_raid_v1 GER40 EURUSD 2025."""
    launch_words("batch", words, wait=wait)
