"""How collections and retrainings read, in the chat and on the command line."""

from pipeline.domain.exchange import CollectionResult, Hole

_HOLES_SHOWN = 3


def collection_headline(result: CollectionResult) -> str:
    """Return the first line."""
    return f"{result.symbol} at {result.exchange}: {result.bars} bars, {result.fetched} new"


def collection_lines(result: CollectionResult) -> list[str]:
    """Return what else there is to say of a collection."""
    return [
        f"{result.timeframe}, quality {result.score:.2f} of 1, held as {result.stored_as}",
        *hole_lines(result.gaps, result.missing),
        *result.warnings,
    ]


def hole_lines(gaps: tuple[Hole, ...], missing: int) -> list[str]:
    """Return which bars the exchange does not have."""
    if not missing:
        return ["No bar is missing."]
    shown = [
        f"Gap {hole.start:%Y-%m-%d %H:%M} to {hole.end:%Y-%m-%d %H:%M} UTC: {hole.missing} bars"
        for hole in gaps[:_HOLES_SHOWN]
    ]
    more = len(gaps) - len(shown)
    return [
        f"{missing} bars are missing at the exchange; they were not filled in.",
        *shown,
        *([f"… and {more} more gaps"] if more > 0 else []),
    ]
