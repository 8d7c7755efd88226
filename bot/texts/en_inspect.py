"""What the bot says when a signal is looked at closely."""

from typing import Final

LOOKING: Final = "Gathering…"
BUSY: Final = "I am still at it: the rest of this signal is on its way."
NEWEST: Final = "Newest signals. Tap one, or /signal ID."
NO_SIGNALS: Final = "No signal was found yet. They come with /live on, or /live replay."
LONGER: Final = "the same on longer bars"
NEAR: Final = "The past cases most like it, nearest first (distance in brackets)"
NO_NEAR: Final = "No past case had ended before it."
NO_PICTURE: Final = "not drawn: its bars are not held any more"
RAW: Final = "All values, nothing rounded"
PARTS: Final = {
    "longer": "The chart on longer bars",
    "near": "The past cases most like it",
    "raw": "The raw values",
}


def missing(part: str, why: str) -> str:
    """Tell that a part could not be had, and why."""
    return f"{PARTS[part]}: missing. {why}"


def failed(reference: str) -> str:
    """Tell that something unforeseen went wrong."""
    return f"Something went wrong on our side; the log has it under {reference}."
