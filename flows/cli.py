"""The command `scout`: backtests, imports, runs, setups and users without a chat."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from flows import cli_views as views
from flows import control
from flows.cli_wait import follow, ready_services
from flows.control import DryRunPlan
from flows.import_words import file_limits
from flows.ingest import ImportAnswers, ImportQuestion, import_file
from flows.kernel_cache import use_kernel_cache
from flows.services import Services
from flows.settings import Settings
from pipeline.domain.errors import AppError, RequestError, SetupError
from pipeline.domain.report import BacktestReport
from pipeline.domain.request import Actor, Channel, Run, RunStatus
from storage.telemetry import configure_logging, get_logger

log = get_logger(__name__)
app = typer.Typer(
    help="Test intraday setups on your own bars.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
users = typer.Typer(help="Who may use the chat.", no_args_is_help=True)
app.add_typer(users, name="users")
BAD_REQUEST, FAILURE = 2, 1
_ROLES = ("owner", "trader", "viewer")
_FREE_WORDS = {"ignore_unknown_options": True}
T = TypeVar("T")
_home: list[Path] = []


@app.callback()
def main_options(
    home: Annotated[
        Path | None, typer.Option(help="folder of everything kept; default: SCOUT_HOME")
    ] = None,
) -> None:
    """Take what all commands share."""
    _home[:] = [home] if home is not None else []


@app.command(context_settings=_FREE_WORDS)
def backtest(
    words: Annotated[list[str], typer.Argument(help="setup, symbol, timeframe, period, options")],
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Test a setup: scout backtest Frank_raid_v1 EURUSD M5 2025-05-01..2025-10-31."""
    _run(lambda services: _backtest(" ".join(words), services, wait=wait))


async def _backtest(text: str, services: Services, *, wait: bool) -> int:
    accepted = await control.launch_text(text, _actor(), services)
    if isinstance(accepted, DryRunPlan):
        return _say(views.plan_lines(accepted))
    print(f"{accepted.run_id} was accepted")  # noqa: T201
    return await _follow(accepted, services, wait=wait)


async def _follow(run: Run, services: Services, *, wait: bool) -> int:
    """Print the run's tasks as they end, then its report; the exit code tells how it ended."""
    ended = await follow(run, services, lambda line: print(line, flush=True), wait=wait)  # noqa: T201
    if ended is None:
        return 0
    if ended.status is RunStatus.COMPLETED:
        report = BacktestReport.model_validate(ended.report)
        return _say(["", *views.report_lines(report, services.settings.home / "archive")])
    print(f"{ended.run_id} {ended.status.value}: {ended.error}", file=sys.stderr)  # noqa: T201
    return FAILURE


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
    """Import files of bars; where a file leaves a question open, it is asked."""
    answers = ImportAnswers(symbol=symbol, timeframe=timeframe, zone=zone, day_first=day_first)
    _run(lambda services: _import(files, answers, services))


async def _import(files: list[Path], answers: ImportAnswers, services: Services) -> int:
    limits = file_limits(services.settings)
    for path in files:
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise RequestError(f"{path} can't be read: {error.strerror}.") from error
        outcome = await import_file(
            path.name, data, answers, services, _actor(), services.clock(), limits
        )
        if isinstance(outcome, ImportQuestion):
            for line in views.question_lines(outcome):
                print(line, file=sys.stderr)  # noqa: T201
            return BAD_REQUEST
        _say(views.receipt_lines(outcome))
    return 0


@app.command()
def data() -> None:
    """List the bars that are held."""
    _run(lambda services: _print(services.bars.holdings(), views.holding_lines))


@app.command()
def runs(limit: Annotated[int, typer.Option(help="how many")] = 20) -> None:
    """List the newest runs."""
    _run(lambda services: _print(
        services.runs.newest(limit), lambda found: [views.run_line(run) for run in found]
    ))  # fmt: skip


@app.command()
def status(run_id: str) -> None:
    """Show a run, its tasks and its report."""

    async def show(services: Services) -> int:
        run = await control.find_run(run_id, services)
        _say(views.run_lines(run))
        if run.report:
            report = BacktestReport.model_validate(run.report)
            _say(["", *views.report_lines(report, services.settings.home / "archive")])
        return 0

    _run(show)


@app.command()
def cancel(run_id: str) -> None:
    """Stop a run."""

    async def stop(services: Services) -> int:
        run = await control.cancel(run_id, _actor(), services)
        return _say([f"{run.run_id} is being cancelled"])

    _run(stop)


@app.command()
def rerun(
    run_id: str,
    *,
    wait: Annotated[bool, typer.Option(help="wait for the end and print the report")] = True,
) -> None:
    """Run an ended run again; what is done already is not done again."""

    async def again(services: Services) -> int:
        run = await control.rerun(run_id, _actor(), services)
        return await _follow(run, services, wait=wait)

    _run(again)


@app.command()
def setups(setup_id: Annotated[str | None, typer.Argument(help="show this one")] = None) -> None:
    """List the active setups, or tell one in words."""

    async def show(services: Services) -> int:
        if setup_id is None:
            found, problems = await services.setups.active(), await services.setups.problems()
            return _say(views.setup_lines(found, problems))
        spec = await services.setups.get(setup_id)
        return _say(views.setup_detail(spec, await services.setups.versions(setup_id)))

    _run(show)


@users.command(name="list")
def list_users() -> None:
    """List who may use the chat."""
    _run(lambda services: _print(
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
        await control.set_role(user_id, role, _actor(), services)
        return _say([f"{user_id} is {role} now"])

    _run(give)


@users.command()
def remove(user_id: int) -> None:
    """Take a Telegram user's access away."""

    async def take(services: Services) -> int:
        await control.set_role(user_id, None, _actor(), services)
        return _say([f"{user_id} has no access any more"])

    _run(take)


async def _print(found: Awaitable[T], lines: Callable[[T], Iterable[str]]) -> int:
    return _say(lines(await found))


def _say(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)  # noqa: T201
    return 0


def _actor() -> Actor:
    return Actor(channel=Channel.CLI, name=getpass.getuser())


def _run(work: Callable[[Services], Awaitable[int]]) -> NoReturn:
    """Open the services, do the work, and turn every failure into one kind line."""
    try:
        settings = Settings(scout_home=_home[0]) if _home else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        _fail(f"Setting {str(first['loc'][0]).upper()}: {first['msg']}", BAD_REQUEST)
    settings.home.mkdir(parents=True, exist_ok=True)
    use_kernel_cache(settings.home)
    with (settings.home / "scout.log").open("a", encoding="utf-8") as stream:
        configure_logging(stream, settings.log_level)
        try:
            code = asyncio.run(_opened(settings, work))
        except (RequestError, SetupError) as error:
            log.info("refused", error=error.user_text)
            _fail(error.user_text, BAD_REQUEST)
        except AppError as error:
            log.warning("failed", error=error.user_text, exc_info=error)
            _fail(error.user_text, FAILURE)
        except KeyboardInterrupt:
            _fail("Stopped.", FAILURE)
        except Exception as error:
            log.exception("failed")
            _fail(f"Something went wrong ({type(error).__name__}); see {stream.name}.", FAILURE)
    sys.exit(code)


async def _opened(settings: Settings, work: Callable[[Services], Awaitable[int]]) -> int:
    async with ready_services(settings) as services:
        return await work(services)


def _fail(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr)  # noqa: T201
    sys.exit(code)


def main() -> None:
    """Run the command."""
    app()
