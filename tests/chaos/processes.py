"""One of our processes under fire: started, killed hard, started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.kit.prefect_server import ROOT, end_tree

READY_SECONDS = 120


class Ours:
    """`python -m MODULE` with its log; ready once it has touched its ready file."""

    def __init__(self, name: str, module: str, home: Path, env: dict[str, str]) -> None:
        self.name = name
        self._module = module
        self._ready = home / f"{name}.ready"
        self._log = home / f"{name}.log"
        self._env = {**os.environ, **env, "SCOUT_READY_FILE": str(self._ready)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        self._ready.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._module.split()],
                env=self._env, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
            )  # fmt: skip

    @property
    def ready(self) -> bool:
        return self._ready.exists()

    def wait(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while not self.ready:
            died = self._process is None or self._process.poll() is not None
            if died or time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not come up:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it and its children as the kernel would: no farewell."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            end_tree(self._process)
