"""Fixtures of the stories' tests."""

import pytest


@pytest.fixture(params=["memory", "sqlite"])
def kept_in(request: pytest.FixtureRequest) -> str | None:
    """URL of a database for `stored_services`, or None: the test runs on both."""
    return None if request.param == "memory" else str(request.getfixturevalue("sqlite_url"))
