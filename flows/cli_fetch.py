"""Sources on the command line: fetching from them, listing and choosing them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli_app import FREE_WORDS, actor, app, print_lines, run_command
from flows.fetch_text import headline, lines
from flows.ingest_text import ingest_headline, ingest_lines
from flows.instrument_desk import info as known_of
from flows.instrument_text import info_lines, instruments_headline, instruments_lines
from flows.quality_text import quality_headline, quality_lines
from flows.quarantine_desk import answer as decide
from flows.quarantine_text import waiting_lines
from flows.source_desk import answer
from flows.source_text import source_lines
from pipeline.domain.data_quality import DataQualityReport
from pipeline.domain.fetch import FetchReport
from pipeline.domain.ingest import IngestReport
from pipeline.domain.instrument_info import InstrumentsReport


@app.command(context_settings=FREE_WORDS)
def fetch(
    words: Annotated[list[str], typer.Argument(help="symbol, timeframe, period, source=…")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Fetch past bars from a source: scout fetch GER40 M1 2024."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("fetch", words, wait=wait)


@app.command(context_settings=FREE_WORDS)
def ingest(
    words: Annotated[
        list[str] | None, typer.Argument(help="end_of_day, hourly or check; symbols, source=…")
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Go on with all bars that came from sources: scout ingest end_of_day."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("ingest", words or [], wait=wait)


@app.command(context_settings=FREE_WORDS)
def quality(
    words: Annotated[list[str] | None, typer.Argument(help="symbol, timeframe")] = None,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Judge held bars, also against another source: scout quality GER40 M1."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("quality", words or [], wait=wait)


@app.command()
def info(symbol: Annotated[str, typer.Argument(help="like GER40")]) -> None:
    """Tell what is known of a symbol, here and at the sources: scout info GER40."""
    run_command(lambda services: print_lines(known_of(f"/info {symbol}", services), info_lines))


@app.command(context_settings=FREE_WORDS)
def instruments(
    words: Annotated[list[str] | None, typer.Argument(help="symbols; none: all held")] = None,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Look symbols up at their sources: scout instruments GER40."""
    from flows.cli_runs import launch_words  # noqa: PLC0415 - which prints reports by this module

    launch_words("instruments", words or [], wait=wait)


@app.command()
def sources(
    words: Annotated[
        list[str] | None, typer.Argument(help="a symbol, and sources or auto")
    ] = None,
) -> None:
    """List the sources of past bars, or choose for a symbol: scout sources GER40 dukascopy."""
    text = " ".join(words or [])
    run_command(
        lambda services: print_lines(
            answer(f"/source {text}", actor(), services, may_change=True), source_lines
        )
    )


@app.command()
def quarantine(
    words: Annotated[
        list[str] | None, typer.Argument(help="symbol, timeframe, accept or discard")
    ] = None,
) -> None:
    """List bars that wait, or decide on them: scout quarantine GER40 M1 accept."""
    text = " ".join(words or [])
    run_command(
        lambda services: print_lines(
            decide(f"/quarantine {text}", actor(), services), waiting_lines
        )
    )


def _fetched(kept: Mapping[str, Any], archive: Path) -> list[str]:
    del archive
    report = FetchReport.model_validate(kept)
    return [headline(report), *(f"  {line}" for line in lines(report))]


def _ingested(kept: Mapping[str, Any], archive: Path) -> list[str]:
    del archive
    report = IngestReport.model_validate(kept)
    return [ingest_headline(report), *(f"  {line}" for line in ingest_lines(report))]


def _judged(kept: Mapping[str, Any], archive: Path) -> list[str]:
    del archive
    report = DataQualityReport.model_validate(kept)
    return [quality_headline(report), *(f"  {line}" for line in quality_lines(report))]


def _looked_up(kept: Mapping[str, Any], archive: Path) -> list[str]:
    del archive
    report = InstrumentsReport.model_validate(kept)
    return [instruments_headline(report), *(f"  {line}" for line in instruments_lines(report))]


FETCH_LINES: dict[str, Callable[[Mapping[str, Any], Path], list[str]]] = {
    "fetch_flow": _fetched,
    "ingest_flow": _ingested,
    "data_quality_flow": _judged,
    "instrument_flow": _looked_up,
}
"""Flow type -> the lines of its dumped report."""
