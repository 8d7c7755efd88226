"""What the bot says of a result's checks."""

from collections.abc import Mapping, Sequence
from typing import Final

MARKS: Final[Mapping[str, str]] = {"passed": "✓", "look": "?", "fail": "✗"}
TITLE: Final = "Checks of the result:"


def summary(passed: int, look: Sequence[str], failed: Sequence[str]) -> str:
    """Tell how many checks passed, and name those that didn't."""
    parts = [f"{passed} passed"]
    parts += [f"{len(look)} to look at ({_named(look)})"] if look else []
    parts += [f"{len(failed)} failed ({_named(failed)})"] if failed else []
    return f"Checks: {', '.join(parts)}"


def _named(titles: Sequence[str]) -> str:
    return ", ".join(title[:1].lower() + title[1:] for title in titles)
