"""How collections and retrainings read, in the chat and on the command line."""

from pipeline.domain.exchange import CollectionResult, Hole, RetrainingResult

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


def retraining_headline(result: RetrainingResult) -> str:
    """Return the first line: whether the model is in use now."""
    state = "is in use now" if result.activated else "is kept, not used"
    return f"{result.model_id} {result.version} {state}"


def retraining_lines(result: RetrainingResult) -> list[str]:
    """Return what else there is to say of a retraining."""
    lines = [
        f"{result.symbol} at {result.exchange}: {result.rows} rows out of {result.bars} bars",
        result.worth,
    ]
    verdict = result.comparison
    if verdict is not None:
        rival = verdict.against or "chance"
        lines.append(f"Held against {rival}:")
        lines += [("✓ " if c.passed else "✗ ") + c.words for c in verdict.conditions]
    missing = sum(hole.missing for hole in result.gaps)
    return [*lines, *hole_lines(result.gaps, missing), *result.warnings]
