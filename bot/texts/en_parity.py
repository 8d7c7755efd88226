"""What the bot says about parity certificates."""

from typing import Final

MARKS: Final = {"identical": "✓", "explained": "≈", "alarm": "✗", "nothing": "–"}
INSPECT: Final = "Inspect"
