"""What the bot says about /why."""

from typing import Final

USAGE: Final = (
    "Ask why there was no signal: a symbol, a moment (or a day, or a period) and a setup. "
    "Times are yours; end one with Z for UTC. Without a setup I answer in short for each."
)
MORE: Final = "Name a setup for all its gates and a picture."
TITLE: Final = "In short"
