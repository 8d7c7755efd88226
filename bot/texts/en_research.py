"""What the bot says about sweeps, walk-forwards and batches."""

from typing import Final

from bot.texts.en_evidence import ENOUGH, percent
from pipeline.domain.trial import Pbo, Standing

CHOSEN: Final = "Stable plateau"
NOTHING: Final = "No variant has enough trades to choose from."
BEST: Final = "Best single cell"
ALONE: Final = "Best single cell, which stands alone among worse neighbours"
OWN: Final = "The file as it is"
IN_SAMPLE: Final = (
    "All of this is in sample: the values were picked on the days they are judged by. "
    "/walkforward tells what such picking was worth on later days."
)
OUTSIDE: Final = "Out of sample"
NO_TRADES: Final = "no trades"
PROMISED: Final = "In sample the choices promised"
FAILED: Final = "Not tested"
NOTHING_CHOSEN: Final = "nothing chosen"
CRITERIA: Final = {
    "t": "mean R over its standard error",
    "expectancy": "mean R",
    "total": "total R",
}
HALF: Final = 0.5


def pbo(found: Pbo) -> str:
    """Tell the probability of overfitting in words."""
    told = f"Probability of overfitting (PBO) {percent(found.pbo)}"
    if found.pbo >= HALF:
        return f"{told}: picking the best of these was no better than drawing one."
    return f"{told}: how often the best on one half fell below the middle on the other."


def tries(place: Standing) -> str:
    """Tell how many variants of the idea were tried, and what that leaves of the chosen one."""
    told = f"{place.tried:,} variants of this idea tried so far."
    if place.deflated is None:
        return told
    end = "" if place.deflated >= ENOUGH else ": luck explains it"
    return f"{told} Deflated Sharpe ratio of the chosen one {percent(place.deflated)}{end}."
