"""What the bot says of a week of signals."""

from typing import Final

NOTHING: Final = "No signals."
HOW: Final = (
    "Another week: /week last, or /week and one of its days. Of a replay: /week and its id."
)
