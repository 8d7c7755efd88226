"""What the bot says about a sent setup file."""

from typing import Final

HOW: Final = (
    "Send me a setup file (.yaml), or answer one with /setup check. I say what is wrong with it, "
    "or what it would have done on the last 60 days of bars, and then offer to add it. "
    "Words behind /setup check are kept as its reason."
)
CHECKING: Final = "Reading the setup…"
WRONG: Final = "This setup can't be used yet:"
NOTHING_WRITTEN: Final = "Nothing was written."
FORGOTTEN: Final = "This offer is out of date. Please send the file again."
CHANGED: Final = "The file is not the one I checked. Please send it again."


def button(version: str) -> str:
    """Return the button that adds it."""
    return f"Add as v{version}"


def offer(version: str, author: str, reason: str) -> str:
    """Say what the button does."""
    return f"Nothing is written yet. Add it as v{version}, by {author}: “{reason}”?"
