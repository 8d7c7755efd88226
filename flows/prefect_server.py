"""The Prefect server as this product wants it: `python -m flows.prefect_server`.

It reads our settings, so that secrets come from files and the tuning is the measured one, and then
becomes Prefect's own server.
"""

import argparse
import os
import sys
from pathlib import Path

from flows.prefect_env import prefect_environment
from flows.settings import Settings
from flows.settings_start import BAD_SETTING, settings_or_exit


def main(words: list[str] | None = None) -> None:
    """Turn this process into the server; it doesn't come back."""
    parser = argparse.ArgumentParser(prog="python -m flows.prefect_server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument(
        "--one-of-several", action="store_true",
        help="other servers work on the same database; they hear of each other by REDIS_URL",
    )  # fmt: skip
    where = parser.parse_args(words)
    settings = settings_or_exit()
    if where.one_of_several and settings.redis_url is None:
        said = "Setting REDIS_URL: several servers need one between them. See .env.example."
        print(said, file=sys.stderr)  # noqa: T201
        sys.exit(BAD_SETTING)
    environment = server_environment(settings, where.port, several=where.one_of_several)
    if "PREFECT_SERVER_DATABASE_CONNECTION_URL" not in environment:
        said = "Setting PREFECT_DATABASE_URL: the server needs one. See .env.example."
        print(said, file=sys.stderr)  # noqa: T201
        sys.exit(BAD_SETTING)
    start = ("server", "start", "--host", where.host, "--port", str(where.port))
    os.environ.update(environment)
    os.execv(sys.executable, [sys.executable, "-m", "prefect", *start])  # noqa: S606


def server_environment(settings: Settings, port: int, *, several: bool = False) -> dict[str, str]:
    """Return the environment of the server; what is set already stays."""
    secret, redis = settings.prefect_database_url, settings.redis_url
    url = secret.get_secret_value() if secret else None
    among = redis.get_secret_value() if redis and several else None
    wanted = prefect_environment(settings, url, among)
    wanted["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    # The page's files are copied when the server starts; a container's own disk is read-only.
    wanted["PREFECT_UI_STATIC_DIRECTORY"] = str(Path(wanted["PREFECT_HOME"]) / "page")
    return {name: value for name, value in wanted.items() if not os.environ.get(name)}


if __name__ == "__main__":
    main()
