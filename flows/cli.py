"""The command `scout`: backtests, imports, runs, setups and users without a chat."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows import (
    cli_analyze,
    cli_ask,
    cli_audit,
    cli_backup,
    cli_compare,
    cli_deploy,
    cli_fetch,
    cli_label,
    cli_live,
    cli_logs,
    cli_models,
    cli_notion,
    cli_parity,
    cli_profile,
    cli_replay,
    cli_research,
    cli_retraining,
    cli_runs,
    cli_say,
    cli_schedules,
    cli_setups,
    cli_signal,
    cli_tokens,
    cli_tools,
    cli_train,
    cli_upkeep,
    cli_verify,
    cli_version,
    cli_why,
    control,
)
from flows import cli_views as views
from flows.cli_app import BAD_REQUEST, actor, app, print_lines, run_command, say
from flows.cli_labels import import_label_files
from flows.import_words import file_limits
from flows.ingest import ImportAnswers, ImportQuestion, import_file
from flows.services import Services
from pipeline.domain.errors import RequestError

__all__ = [
    "app",
    "cli_analyze",
    "cli_ask",
    "cli_audit",
    "cli_backup",
    "cli_compare",
    "cli_deploy",
    "cli_fetch",
    "cli_label",
    "cli_live",
    "cli_logs",
    "cli_models",
    "cli_notion",
    "cli_parity",
    "cli_profile",
    "cli_replay",
    "cli_research",
    "cli_retraining",
    "cli_runs",
    "cli_say",
    "cli_schedules",
    "cli_setups",
    "cli_signal",
    "cli_tokens",
    "cli_tools",
    "cli_train",
    "cli_upkeep",
    "cli_verify",
    "cli_version",
    "cli_why",
    "main",
]  # fmt: skip

users = typer.Typer(help="Who may use the chat.", no_args_is_help=True)
app.add_typer(users, name="users")
_ROLES = ("owner", "trader", "viewer")


@app.command(name="import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="CSV, parquet, .zip or .gz")],
    symbol: Annotated[str | None, typer.Option(help="whose bars they are")] = None,
    timeframe: Annotated[str | None, typer.Option(help="M1 M5 M15 H1 H4 D1")] = None,
    zone: Annotated[str | None, typer.Option(help="clock of the times, e.g. UTC")] = None,
    *,
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="order in 03/04/2025")
    ] = None,
) -> None:
    """Import files of bars; where a file leaves a question open, it is asked.

    Or your own labels of past signals: scout import labels FILE.
    """
    if str(files[0]) == "labels" and files[1:]:
        run_command(lambda services: import_label_files(files[1:], services))
    answers = ImportAnswers(symbol=symbol, timeframe=timeframe, zone=zone, day_first=day_first)
    run_command(lambda services: _import(files, answers, services))


async def _import(files: list[Path], answers: ImportAnswers, services: Services) -> int:
    limits = file_limits(services.settings)
    for path in files:
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise RequestError(f"{path} can't be read: {error.strerror}.") from error
        outcome = await import_file(
            path.name, data, answers, services, actor(), services.clock(), limits
        )
        if isinstance(outcome, ImportQuestion):
            for line in views.question_lines(outcome):
                print(line, file=sys.stderr)  # noqa: T201
            return BAD_REQUEST
        say(views.receipt_lines(outcome))
    return 0


@app.command()
def data() -> None:
    """List the bars that are held."""
    run_command(lambda services: print_lines(services.bars.holdings(), views.holding_lines))


@users.command(name="list")
def list_users() -> None:
    """List who may use the chat."""
    run_command(lambda services: print_lines(
        services.chats.users(),
        lambda found: [f"{user_id}  {role}" for user_id, role in sorted(found.items())],
    ))  # fmt: skip


@users.command()
def add(
    user_id: int, role: Annotated[str, typer.Option(help="owner, trader or viewer")] = "trader"
) -> None:
    """Let a Telegram user in, or change the role."""

    async def give(services: Services) -> int:
        if role not in _ROLES:
            raise RequestError(f"Unknown role '{role}': use {', '.join(_ROLES)}.")
        await control.set_role(user_id, role, actor(), services)
        return say([f"{user_id} is {role} now"])

    run_command(give)


@users.command()
def remove(user_id: int) -> None:
    """Take a Telegram user's access away."""

    async def take(services: Services) -> int:
        await control.set_role(user_id, None, actor(), services)
        return say([f"{user_id} has no access any more"])

    run_command(take)


def main() -> None:
    """Run the command."""
    app()
