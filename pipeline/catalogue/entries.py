"""All entries of the catalogue, by detector."""

from functools import cache

from pipeline.catalogue import (
    dealing_range,
    developing,
    displacement,
    imbalance,
    levels,
    liquidity,
    openings,
    order_blocks,
    pools,
    sessions,
    structure,
    volatility,
    vwap,
)
from pipeline.catalogue.entry import Entry
from pipeline.domain.errors import BadRequestError

_FAMILIES = (
    dealing_range,
    developing,
    displacement,
    imbalance,
    levels,
    liquidity,
    openings,
    order_blocks,
    pools,
    sessions,
    structure,
    volatility,
    vwap,
)


@cache
def entries() -> dict[str, Entry]:
    """Return every entry by its detector's name, in that order."""
    found = [entry for family in _FAMILIES for entry in family.ENTRIES]
    return {entry.detector: entry for entry in sorted(found, key=lambda e: e.detector)}


def entry_of(name: str) -> Entry:
    """Return a detector's entry.

    Raises
    ------
    BadRequestError
        There is none; names those there are.
    """
    if name not in entries():
        raise BadRequestError(
            f"There is no tool {name!r}.", field="tool", value=name, closest=tuple(entries())
        )
    return entries()[name]
