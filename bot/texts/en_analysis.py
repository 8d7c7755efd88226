"""Words around the analyst's opinion."""

from typing import Final

TITLE: Final = "Analyst"


def missing(why: str) -> str:
    """Say that there is no opinion, and why."""
    return f"no opinion. {why}" if why else "no opinion."
