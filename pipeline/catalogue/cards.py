"""The catalogue's cards: what a detector declares, joined with its entry's words."""

from collections.abc import Mapping
from typing import Any

from pipeline.catalogue.entries import entries
from pipeline.detectors import Detector, all_detectors
from pipeline.domain.tool_card import ToolCard, ToolParameter

INPUTS: Mapping[str, str] = {
    "atr": "the series of an atr",
    "swings": "the events of a swing",
    "levels": "the ranges of a session_range, initial_balance, previous_day or previous_week, or "
    "the events of a swing; for a raid also any other level: opening_price, equal_levels",
    "gaps": "the events of a fair_value_gap",
    "displacements": "the events of a displacement",
    "structure": "the events of a structure",
}
"""What a detector may ask for -> which tools serve it."""

_BOUNDS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)


def cards() -> list[ToolCard]:
    """Return the card of every registered detector, by name."""
    return [_card(detector) for detector in all_detectors()]


def _card(detector: Detector) -> ToolCard:
    entry = entries()[detector.name]
    return ToolCard(
        name=detector.name,
        title=detector.title,
        about=entry.about,
        events=tuple((word, entry.words[word]) for word in detector.gives),
        unit=entry.unit,
        inputs=tuple((name, INPUTS[name]) for name in detector.inputs),
        parameters=_parameters(detector),
        source=detector.source,
        also=entry.also,
    )


def _parameters(detector: Detector) -> tuple[ToolParameter, ...]:
    schemas = detector.parameters.model_json_schema().get("properties", {})
    return tuple(
        ToolParameter(
            name=name,
            default="none" if field.default is None else str(field.default),
            meaning=field.description or "",
            allowed=_allowed(schemas[name]),
        )
        for name, field in detector.parameters.model_fields.items()
    )


def _allowed(schema: Mapping[str, Any]) -> str:
    """Return the bounds or the words that a parameter's schema allows."""
    for one in (schema, *schema.get("anyOf", ())):
        if "enum" in one:
            return " or ".join(map(str, one["enum"]))
        bounds = [f"{words} {one[key]:g}" for key, words in _BOUNDS if key in one]
        if bounds:
            return ", ".join(bounds)
    return ""
