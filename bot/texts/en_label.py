"""What the bot says about labels."""

from typing import Final

LEFT_OUT: Final = "Left out"
RULE: Final = (
    "Label 1: the last target came before the stop. Where one bar holds both, the stop counts "
    "unless M1 bars say otherwise."
)
