"""A real Prefect server on a real PostgreSQL, and the product's worker beside it, for tests."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from flows.prefect_env import prefect_environment
from flows.settings import Settings
from tests.kit.servers import Postgres, free_port, no_server

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 90


class PrefectServer:
    """A running Prefect server at `api_url`; `restart` keeps its database and port."""

    def __init__(self, database_url: str, redis_url: str | None = None) -> None:
        self._redis_url = redis_url
        self.folder = Path(tempfile.mkdtemp(prefix="scout-prefect-"))
        self.port = free_port()
        self.api_url = f"http://127.0.0.1:{self.port}/api"
        self._database_url = database_url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = Settings(_env_file=None, scout_home=self.folder, prefect_api_url=self.api_url)
        env = {**os.environ, **prefect_environment(settings, self._database_url, self._redis_url)}
        command = [sys.executable, "-m", "prefect", "server", "start",
                   "--host", "127.0.0.1", "--port", str(self.port)]  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        until = time.monotonic() + _READY_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            end_tree(self._process)
            self._process = None

    def kill(self) -> None:
        """End it and its children as the kernel would: no farewell."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.api_url}/health", timeout=1) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False


class WorkerProcess:
    """`python -m flows.worker` in a home, with its log."""

    def __init__(self, home: Path, api_url: str, **env: str) -> None:
        self.home = home
        self._env = {
            **os.environ, "SCOUT_HOME": str(home), "PREFECT_API_URL": api_url,
            "PREFECT_HOME": str(home / "prefect"), "LOG_FORMAT": "json", **env,
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        path = self.home / "worker.log"
        return path.read_text() if path.exists() else ""

    def start(self) -> None:
        before = self.log.count("worker_ready")
        with (self.home / "worker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.worker"],
                env=self._env, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + _READY_SECONDS
        while self.log.count("worker_ready") == before:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(self.log[-3000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as the kernel would: no farewell."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int | None:
        """Ask it to end, and return its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        finally:
            end_tree(self.process)
            self.process = None

    def memory_mb(self) -> float:
        """Return the memory of the worker and its children, shared pages counted once."""
        parent = psutil.Process(self.process.pid)
        family = [parent, *parent.children(recursive=True)]
        used = 0
        for member in family:
            with suppress(psutil.NoSuchProcess):  # children come and go
                used += member.memory_full_info().pss
        return used / 1e6


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children, firmly after ten seconds."""
    try:
        family = [
            psutil.Process(process.pid),
            *psutil.Process(process.pid).children(recursive=True),
        ]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(family, timeout=10)
    for member in alive:
        member.kill()
    process.wait()


@contextmanager
def running_prefect(postgres: Postgres, name: str = "prefect") -> Iterator[PrefectServer]:
    """Run a Prefect server for the with block; where it can't start: skip, or fail with CI=true."""
    server = PrefectServer(postgres.url(name))
    try:
        server.start()
    except (OSError, RuntimeError) as error:
        server.stop()
        no_server("Prefect", error)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[PrefectServer]:
    """A Prefect server for the session, on a PostgreSQL of its own."""
    from tests.kit.servers import running

    with running(Postgres) as postgres, running_prefect(postgres) as server:
        yield server
