"""What the bot says of deployments."""

from typing import Final

NONE: Final = "Nothing is registered yet. A worker does it when it starts, or: scout deploy"
TITLE: Final = "Deployments"
PAUSE: Final = "Pause"
RESUME: Final = "Resume"
RUN_NOW: Final = "Run now"
ALL: Final = "All deployments"
REFRESH: Final = "Refresh"
GONE: Final = "This deployment is no longer registered."
PAUSED: Final = "paused"
HOW: Final = (
    "/deployments NAME tells all about one; pause NAME, resume NAME, run NAME; new ones: "
    "/deployments new nightly_dax nightly_backtest setup=Frank_raid_v1 symbol=GER40"
)


def changed(name: str, status: str) -> str:
    """Say how a deployment stands now."""
    return f"{name} is {status}"


def templates(lines: dict[str, str]) -> str:
    """List the templates."""
    return "\n".join(f"{name}: {line}" for name, line in lines.items())
