"""Collecting an exchange's bars and retraining on them, on the command line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, app
from flows.retraining_text import (
    collection_headline,
    collection_lines,
    retraining_headline,
    retraining_lines,
)
from pipeline.domain.exchange import CollectionResult, RetrainingResult


@app.command(context_settings=FREE_WORDS)
def collect(
    words: Annotated[list[str], typer.Argument(help="a market like BTC/USDT, and days=30")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Fetch an exchange's bars: scout collect BTC/USDT days=30."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("collect", words, wait=wait)


def _collection(kept: Mapping[str, Any], archive: Path) -> list[str]:
    del archive
    result = CollectionResult.model_validate(kept)
    return [collection_headline(result), *(f"  {line}" for line in collection_lines(result))]


def _retraining(kept: Mapping[str, Any], archive: Path) -> list[str]:
    result = RetrainingResult.model_validate(kept)
    files = archive.parent / result.model_path
    lines = [*retraining_lines(result), f"file    {files}"]
    return [retraining_headline(result), *(f"  {line}" for line in lines)]


EXCHANGE_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "data_collection": _collection,
    "model_retraining": _retraining,
}
"""Flow type -> the lines of its dumped report."""
