"""Runs on the command line: launching, following, listing, stopping, running again."""

import sys
from typing import Annotated

import typer

from flows import cli_views as views
from flows import control
from flows.cli_app import FAILURE, FREE_WORDS, actor, app, print_lines, run_command, say
from flows.cli_reports import lines_of_report
from flows.cli_wait import follow
from flows.control import DryRunPlan
from flows.services import Services
from pipeline.domain.request import Run, RunStatus


@app.command(context_settings=FREE_WORDS)
def backtest(
    words: Annotated[list[str], typer.Argument(help="setup, symbol, timeframe, period, options")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Test a setup: scout backtest Frank_raid_v1 EURUSD M5 2025-05-01..2025-10-31."""
    launch_words("backtest", words, wait=wait)


def launch_words(command: str, words: list[str], *, wait: bool) -> None:
    """Launch what a command's words ask for, as the chat does, and follow it to its end."""
    run_command(lambda services: launch_text(f"/{command} {' '.join(words)}", services, wait=wait))


async def launch_text(text: str, services: Services, *, wait: bool) -> int:
    """Launch what a command asks for and follow the run; the exit code."""
    accepted = await control.launch_text(text, actor(), services)
    if isinstance(accepted, DryRunPlan):
        return say(views.plan_lines(accepted))
    print(f"{accepted.run_id} was accepted")  # noqa: T201
    return await follow_run(accepted, services, wait=wait)


async def follow_run(run: Run, services: Services, *, wait: bool) -> int:
    """Print the run's tasks as they end, then its report; the exit code tells how it ended."""
    ended = await follow(run, services, lambda line: print(line, flush=True), wait=wait)  # noqa: T201
    if ended is None:
        return 0
    if ended.status is RunStatus.COMPLETED:
        return say(["", *lines_of_report(ended.report, services.settings.home / "archive")])
    print(f"{ended.run_id} {ended.status.value}: {ended.error}", file=sys.stderr)  # noqa: T201
    return FAILURE


@app.command()
def runs(limit: Annotated[int, typer.Option(help="how many")] = 20) -> None:
    """List the newest runs."""
    run_command(lambda services: print_lines(
        services.runs.newest(limit), lambda found: [views.run_line(run) for run in found]
    ))  # fmt: skip


@app.command()
def status(run_id: str) -> None:
    """Show a run, its tasks and its report."""

    async def show(services: Services) -> int:
        run = await control.find_run(run_id, services)
        say(views.run_lines(run))
        if run.report:
            say(["", *lines_of_report(run.report, services.settings.home / "archive")])
        return 0

    run_command(show)


@app.command()
def cancel(run_id: str) -> None:
    """Stop a run."""

    async def stop(services: Services) -> int:
        run = await control.cancel(run_id, actor(), services)
        return say([f"{run.run_id} is being cancelled"])

    run_command(stop)


@app.command()
def rerun(
    run_id: str,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Run an ended run again; what is done already is not done again."""

    async def again(services: Services) -> int:
        run = await control.rerun(run_id, actor(), services)
        return await follow_run(run, services, wait=wait)

    run_command(again)
