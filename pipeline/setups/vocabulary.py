"""What every part of a setup file is made of: its base class, clocks, zones, names, constants."""

import re
from datetime import time
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    model_validator,
)
from pydantic_core import PydanticCustomError

from pipeline.domain.market import ZONES

Scalar = str | int | float | bool | None
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?")


def _zone(name: str) -> str:
    if name not in ZONES:
        raise PydanticCustomError(
            "zone", "unknown time zone '{zone}', e.g. Europe/Berlin", {"zone": name}
        )
    return name


def _clock(text: str) -> str:
    if _CLOCK.fullmatch(text) is None:
        raise PydanticCustomError("clock", "'{text}' is no time of day HH:MM", {"text": text})
    return text


def clock_time(text: str) -> time:
    """Return the time of day written HH:MM."""
    return time(int(text[:2]), int(text[3:]))


Zone = Annotated[str, AfterValidator(_zone)]
Clock = Annotated[str, AfterValidator(_clock)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[str, Field(max_length=300)]


class Words(BaseModel):
    """Base of all parts: frozen, finite, and an unknown word is refused with the valid ones."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True
    )

    @model_validator(mode="before")
    @classmethod
    def _known_words(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        valid = {f.alias or name for name, f in cls.model_fields.items()} | set(cls.model_fields)
        for key in data:
            if key not in valid:
                shown = sorted({f.alias or name for name, f in cls.model_fields.items()})
                raise PydanticCustomError(
                    "unknown_word", "unknown word '{key}'", {"key": str(key), "valid": shown}
                )
        return data


def _as_text(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(value) if is_number else value


Price = Annotated[StrictStr, BeforeValidator(_as_text)]
"""A reference, or a number as it is written: `0.5`."""


@lru_cache(maxsize=1024)  # asked of the same few words for every case
def constant(ref: str) -> float | None:
    """Return the number that a `Price` is, or None where it is a reference."""
    return float(ref) if _NUMBER.fullmatch(ref) else None
