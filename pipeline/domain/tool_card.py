"""A detector as people read of it: what it gives and needs, and every parameter."""

from pydantic import BaseModel, ConfigDict


class ToolParameter(BaseModel):
    """One parameter: its default ("none" where it is left out), meaning with unit, and bounds."""

    model_config = ConfigDict(frozen=True)

    name: str
    default: str
    meaning: str
    allowed: str = ""


class ToolCard(BaseModel):
    """All that the catalogue says of one detector.

    `events` are (word, meaning); empty for a series, whose `unit` says what a value is.
    `inputs` are (name, which tools serve it). `also` are other names people look for.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    about: str
    events: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    parameters: tuple[ToolParameter, ...] = ()
    source: str
    also: tuple[str, ...] = ()
