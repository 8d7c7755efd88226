"""Fixtures of the HTTP entry's tests."""

import pytest

from tests.kit.http import http_entry, idle
from tests.kit.plain_services import plain_services


@pytest.fixture
async def entry(tmp_path):
    """A listening entry over memory ports that starts no run."""
    async with plain_services(tmp_path) as services, http_entry(idle(services)) as found:
        yield found
