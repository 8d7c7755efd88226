"""What the bot says about verifications."""

from typing import Final

MARKS: Final = {"passed": "✓", "failed": "✗", "look": "?"}
VERDICTS: Final = {
    "passed": "Proven: live it says what the backtest says",
    "failed": "Not proven: there is a difference",
    "look": "No difference found, but look at this",
}
FIRST: Final = "First difference"
PROVES_NOT: Final = "It proves no profit: only that the result is no artefact of the program."
