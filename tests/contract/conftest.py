"""Each contract suite runs over every backend of its port."""

from collections.abc import AsyncIterator

import pytest

from storage.objects import Objects
from tests.kit.stores import BACKENDS, Stores


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "memory":
        return None
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def stores(store_url, tmp_path) -> AsyncIterator[Stores]:
    made = Stores(store_url, tmp_path / "archive")
    yield made
    await made.close()


@pytest.fixture(params=(*BACKENDS, "shared"))
def place(request: pytest.FixtureRequest) -> tuple[str | None, Objects | None]:
    """Where rows and files are kept; shared storage has a PostgreSQL beside it."""
    if request.param == "shared":
        objects = request.getfixturevalue("s3").objects()
        return str(request.getfixturevalue("postgres_url")), objects
    if request.param == "memory":
        return None, None
    return str(request.getfixturevalue(f"{request.param}_url")), None


@pytest.fixture
async def placed_stores(place, tmp_path) -> AsyncIterator[Stores]:
    """Stores for ports that keep files."""
    url, objects = place
    made = Stores(url, tmp_path / "archive", objects=objects)
    yield made
    await made.close()


@pytest.fixture
async def live_stores(store_url, tmp_path, request) -> AsyncIterator[Stores]:
    """Stores whose live signals have their hint in a real Valkey, where they are in a database."""
    redis_url = None if store_url is None else str(request.getfixturevalue("redis_url"))
    made = Stores(store_url, tmp_path / "archive", redis_url)
    yield made
    await made.close()
