"""Fixtures that any test may ask for: real servers, and databases with all tables."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from flows.kernel_cache import use_kernel_cache

# Before anything imports numba: kernels are compiled anew when any of their sources changes.
use_kernel_cache(Path(__file__).parents[1] / ".pytest_cache")

# The same examples at every run; HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("seeded", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))

from storage.database import migrate
from storage.live_tables import METADATA
from tests.kit.s3 import s3 as s3  # noqa: PLC0414 (a fixture for all)
from tests.kit.servers import Postgres, Valkey, running

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Undo what a test did to the environment: a process's start is called in this process."""
    before = dict(os.environ)
    yield
    for name in {*before, *os.environ}:
        if not name.startswith("PYTEST_"):
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, one per session and xdist worker."""
    with running(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A real Valkey (Redis protocol), one per session and xdist worker."""
    with running(Valkey) as server:
        yield server


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """URL of the Valkey; tests use keys of their own."""
    return valkey.url


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    """URL of an empty PostgreSQL database, for this test alone."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def _migrated(postgres: Postgres) -> str:
    asyncio.run(migrate(postgres.url("migrated")))
    return "migrated"


@pytest.fixture
def postgres_url(postgres: Postgres, _migrated: str) -> str:
    """URL of a PostgreSQL database with all tables, empty when the test begins."""
    postgres.empty(_migrated, METADATA.tables)
    return postgres.url(_migrated)


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("migrated") / "scout.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file.read_bytes()


@pytest.fixture
def sqlite_url(tmp_path, _migrated_file: bytes) -> str:
    """URL of an SQLite database with all tables, empty, for this test alone."""
    file = tmp_path / "scout.db"
    file.write_bytes(_migrated_file)
    return f"sqlite+aiosqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a database with all tables: the test runs on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))
