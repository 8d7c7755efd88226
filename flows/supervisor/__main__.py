"""`python -m flows.supervisor`: the whole set in one terminal, until Ctrl-C."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.kernel_cache import use_kernel_cache
from flows.observing import log_limits, logs_folder
from flows.settings import Settings
from flows.settings_start import settings_or_exit
from flows.supervisor.output import Output
from flows.supervisor.parts import Part
from flows.supervisor.plan import Plan, make_plan
from flows.supervisor.ports import choose_ports
from flows.supervisor.screen import screen
from flows.supervisor.watch import PartFailedError, Watched, stop_all
from storage.log_files import LogFile


def say(text: str) -> None:
    """Print a line with the wall-clock time in front; a closed terminal is no reason to die."""
    with contextlib.suppress(OSError):
        print(f"{datetime.now().astimezone():%H:%M:%S}  {text}", flush=True)  # noqa: T201


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home's lock; a second set in the same home is refused."""
    with (home / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Setup Scout already runs in {home}. Another SCOUT_HOME makes another set.")
        yield


async def prepare(env: dict[str, str]) -> dict[str, Any]:
    """Run the preparation in a process of its own and return what it found."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flows.supervisor.prepare",
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise PartFailedError("The state could not be prepared; the lines above say why.")
    state: dict[str, Any] = json.loads(out.splitlines()[-1])
    return state


async def start_all(watched: list[list[Watched]]) -> None:
    """Start the waves in order, the parts of each together; keep each from then on."""
    for wave in watched:
        await asyncio.gather(*(w.start() for w in wave))
        for w in wave:
            w.task = asyncio.create_task(w.keep())
            say(f"{w.part.name} is up")


async def serve(settings: Settings) -> int:
    """Bring the set up, wait for a signal, bring it down. Return the exit code."""
    home = settings.home
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    plan = make_plan(settings, choose_ports(home))
    if plan.postgres is not None:
        for folder in await asyncio.to_thread(plan.postgres.prepare):
            say(f"{folder} was opened for passing through, so that PostgreSQL can run")
    waves = [[_watched(part, settings) for part in wave] for wave in plan.waves]
    starting = asyncio.create_task(_bring_up(plan, waves, home))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if starting.done() and (error := starting.exception()) is not None:
        say(str(error))
        code = 1
    elif starting.done():
        await stopping
    starting.cancel()
    stopping.cancel()
    say("stopping")
    await stop_all([*reversed(waves)], say)
    if plan.postgres is not None:
        plan.postgres.forget()
    say("everything has stopped")
    return code


def _watched(part: Part, settings: Settings) -> Watched:
    log = LogFile(logs_folder(settings), part.name, log_limits(settings))
    return Watched(part, Output(log), say)


async def _bring_up(plan: Plan, waves: list[list[Watched]], home: Path) -> None:
    say(f"starting in {home}; logs are in {home / 'logs'}")
    state = await prepare(plan.env)
    await start_all(waves)
    parts = [w.part for wave in waves for w in wave]
    print(screen(str(home), parts, plan.elsewhere, state, plan.sandbox_url), flush=True)  # noqa: T201


def main() -> None:
    """Read the settings and serve; a wrong setting is one line, not a traceback."""
    settings = settings_or_exit()
    settings.home.mkdir(parents=True, exist_ok=True)
    use_kernel_cache(settings.home)
    with only_one(settings.home):
        sys.exit(asyncio.run(serve(settings)))


if __name__ == "__main__":
    main()
