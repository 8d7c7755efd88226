"""The command line's frame: options that all commands share, services, exit codes, errors."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from flows.cli_wait import ready_services
from flows.kernel_cache import use_kernel_cache
from flows.observing import observe
from flows.services import Services
from flows.settings import Settings
from flows.settings_start import WRONG, wrong_setting
from pipeline.domain.errors import AppError, RequestError, SetupError
from pipeline.domain.request import Actor, Channel
from storage.telemetry import configure_logging, get_logger

log = get_logger(__name__)
app = typer.Typer(
    help="Test intraday setups on your own bars.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
BAD_REQUEST, FAILURE = 2, 1
FREE_WORDS = {"ignore_unknown_options": True}
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


async def print_lines(found: Awaitable[T], lines: Callable[[T], Iterable[str]]) -> int:
    """Print what an awaitable gives, as lines; the exit code."""
    return say(lines(await found))


def say(lines: Iterable[str]) -> int:
    """Print lines; the exit code."""
    for line in lines:
        print(line)  # noqa: T201
    return 0


def actor() -> Actor:
    """Return who types here."""
    return Actor(channel=Channel.CLI, name=getpass.getuser())


def run_command(work: Callable[[Services], Awaitable[int]]) -> NoReturn:
    """Open the services, do the work, and turn every failure into one kind line."""
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    use_kernel_cache(settings.home)
    observe(settings, "scout", None)
    try:
        code = asyncio.run(_opened(settings, work))
    except (RequestError, SetupError) as error:
        log.info("refused", error=error.user_text)
        fail(error.user_text, BAD_REQUEST)
    except AppError as error:
        log.warning("failed", error=error.user_text, exc_info=error)
        fail(error.user_text, FAILURE)
    except KeyboardInterrupt:
        fail("Stopped.", FAILURE)
    except Exception as error:
        log.exception("failed")
        where = "scout logs --errors 1h tells more"
        fail(f"Something went wrong ({type(error).__name__}); {where}.", FAILURE)
    sys.exit(code)


def run_without_services(
    home: Path, work: Callable[[Settings], Coroutine[None, None, int]]
) -> NoReturn:
    """Do work on a home in which nothing may be written before it, not even a log."""
    _home[:] = [home]
    configure_logging(sys.stderr, "ERROR")
    try:
        code = asyncio.run(work(read_settings()))
    except (RequestError, SetupError) as error:
        fail(error.user_text, BAD_REQUEST)
    except AppError as error:
        cause = error.facts.get("cause")
        fail(f"{error.user_text} ({cause})" if cause else error.user_text, FAILURE)
    except KeyboardInterrupt:
        fail("Stopped.", FAILURE)
    sys.exit(code)


def read_settings() -> Settings:
    """Return the settings, or end with the line that names the wrong one."""
    try:
        return Settings(scout_home=_home[0]) if _home else Settings()
    except WRONG as error:
        fail(wrong_setting(error), BAD_REQUEST)


async def _opened(settings: Settings, work: Callable[[Services], Awaitable[int]]) -> int:
    async with ready_services(settings) as services:
        return await work(services)


def fail(text: str, code: int) -> NoReturn:
    """Print one kind line and end with the code."""
    print(text, file=sys.stderr)  # noqa: T201
    sys.exit(code)
