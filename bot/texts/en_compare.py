"""What the bot says when two runs are compared."""

from typing import Final

TITLE: Final = "Two runs compared"
WHICH: Final = "Which two? /compare bt_… bt_…; differences are the second's less the first's."
DIFFERS: Final = "What differs"
NOTHING_DIFFERS: Final = "nothing that is recorded"
FIGURES: Final = "Figures, A → B"
TRADES: Final = "Trades"
LONE: Final = "Trades that only one has"
CAPTION: Final = "A {one}, B {two}"
PAIRED: Final = "Differences over {start} – {end} with 95 % intervals, paired by day."
