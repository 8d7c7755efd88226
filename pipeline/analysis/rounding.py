"""Facts as they are told: floats short enough to be quoted, nothing empty."""

from typing import Any

from pydantic import BaseModel

DIGITS = 6  # significant ones


def told(value: Any) -> Any:
    """Return JSON values of a model, mapping or list: floats to 6 digits, empty ones left out."""
    if isinstance(value, BaseModel):
        return told(value.model_dump(mode="json"))
    if isinstance(value, dict):
        inner = {str(k): told(v) for k, v in value.items()}
        return {k: v for k, v in inner.items() if v not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [told(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if abs(value) < float("inf") else None
    return value
