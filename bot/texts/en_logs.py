"""What the bot says about /logs."""

from typing import Final

USAGE: Final = (
    "Name a run, like /logs bt_2025_10_31_001: I show what all processes wrote about it. "
    "/runs lists the newest."
)


def title(run_id: str, shown: int, lines: int) -> str:
    """Say how many of the lines are shown."""
    return (
        f"{run_id}: the newest {shown} of {lines:,} lines" if shown < lines else f"{run_id}: log"
    )


def caption(lines: int, *, cut: bool) -> str:
    """Say what the file holds."""
    return f"The newest {lines:,} lines; older ones did not fit" if cut else f"All {lines:,} lines"
