"""What the bot says around an analysis of a symbol."""

from typing import Final

LEVELS: Final = "Levels"
SETUPS: Final = "Setups"
SIGNALS: Final = "Open signals"
SYNTHETIC: Final = "The bars are SYNTHETIC: a made-up sample, no market."
AGAIN: Final = "Look again"
