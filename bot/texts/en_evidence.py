"""What a result is worth, in words: the verdict, and its place among all tries."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.report import Interval, Verdict
from pipeline.domain.trial import Standing

_VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.ABOVE: "Above zero: the mean lies between {}. Past bars only; it may not hold.",
    Verdict.BELOW: "It lost, and not by chance alone: the mean lies between {}.",
    Verdict.OPEN: "Cannot be told from zero: the mean lies between {}. No edge is shown.",
}
ENOUGH: Final = 0.95  # a deflated Sharpe ratio below this leaves luck as the explanation
TOO_FEW: Final = "Too few trades to say anything."


def verdict(told: Verdict, mean: Interval | None) -> str:
    """Tell whether the mean R can be told from zero."""
    if mean is None or told is Verdict.TOO_FEW:
        return TOO_FEW
    return _VERDICTS[told].format(f"{mean.low:+.2f} and {mean.high:+.2f} R")


def standing(place: Standing, told: Verdict) -> str:
    """Tell which variant of its idea this is, and what so many tries leave of it."""
    if place.tried == 1:
        return "First variant of this idea."
    of = "" if place.number == place.tried else f" of {place.tried:,}"
    line = f"Variant {place.number:,}{of} of this idea."
    if place.deflated is None:
        return line
    chance = f"chance that it is more than the luckiest of {place.tried:,} tries"
    if told is Verdict.ABOVE and place.deflated < ENOUGH:
        return (
            f"{line} But many tries find such a result: the {chance} is {percent(place.deflated)}."
        )
    return f"{line} C{chance[1:]}: {percent(place.deflated)}."


def percent(share: float) -> str:
    """Return a probability in whole percent; what isn't sure doesn't become 0 or 100."""
    if share < 0.01:  # noqa: PLR2004
        return "under 1%"
    return "over 99%" if share > 0.99 else f"{share:.0%}"  # noqa: PLR2004


def by_days(days: int, block: float) -> str:
    """Tell where the intervals come from."""
    return (
        f"Intervals: 95 %, from {days:,} days with trades, drawn anew in blocks of "
        f"about {block:.0f}"
    )


BY_ERROR: Final = "Interval of the mean: 95 %, from the standard error; too few days to draw from"
