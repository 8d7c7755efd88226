"""What the images of PostgreSQL and Valkey do by themselves, done with the local servers."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from flows.supervisor.postgres import programs

_CLI = """#!{python}
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[sys.argv.index("-p") + 1])), 2) as wire:
    wire.sendall((" ".join(sys.argv[3:]) + "\\r\\n").encode())
    print(wire.recv(512).decode())
"""
# Docker's checks come from the container's own 127.0.0.1, which the image trusts; here everybody
# comes from there, so the superuser alone is trusted.
_ACCESS = """local all all trust
host all postgres 127.0.0.1/32 trust
host all all all scram-sha-256
"""


def write_valkey_cli(folder: Path) -> None:
    """Write a `valkey-cli -p PORT WORD …` that the wheel of Valkey lacks."""
    cli = folder / "valkey-cli"
    cli.write_text(_CLI.format(python=sys.executable))
    cli.chmod(0o755)


def fill_postgres(
    data: Path, folder: Path, scripts: list[Path], env: dict[str, str], who: dict[str, Any]
) -> None:
    """Make the data folder as the image's entrypoint does on an empty volume: initdb, then scripts.

    Parameters
    ----------
    folder
        The part's own, with its secrets in `run/secrets`; the socket and a log are made there.
    who
        User and group, as `subprocess` takes them.
    """
    env = {**env, "SECRETS_DIR": str(folder / "run" / "secrets")}
    user = env["POSTGRES_USER"]

    def call(program: str, *words: Any, captured: bool = True) -> None:
        command = [programs() / program, *words]
        done = subprocess.run(
            command, env=env, cwd=data.parent, check=False, capture_output=captured, **who
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    password, more = env["POSTGRES_PASSWORD_FILE"], env["POSTGRES_INITDB_ARGS"].split()
    call("initdb", "-D", data, "-U", user, f"--pwfile={password}", "--no-sync", *more)
    (data / "pg_hba.conf").write_text(_ACCESS)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    server = ("-D", data, "-w", "-s", "-l", folder / "first.log")
    call("pg_ctl", *server, "-o", options, "start", captured=False)
    for script in scripts:
        copied = shutil.copyfile(script, folder / script.name)
        call("psql", "-h", folder, "-U", user, "-d", "postgres", "-Xq", "-f", copied)
    call("pg_ctl", *server, "-m", "fast", "stop")
