"""The album of a model card: promised and kept, telling apart, what it looks at."""

from pipeline.domain.model import ModelCard
from pipeline.render.canvas import Picture
from pipeline.render.model_curves import draw_curves
from pipeline.render.model_parts import draw_parts
from pipeline.render.model_reliability import draw_reliability
from pipeline.render.theme import theme_named

CAPTIONS = (
    "Promised and kept: dots below the line promised too much.",
    "Telling apart: the farther above the dashed line, the better.",
    "What it looks at, and how it does on each setup and symbol.",
)
"""A line under each picture, in their order."""


def model_pictures(card: ModelCard, *, theme: str = "tv_dark") -> list[Picture]:
    """Draw the three pictures of a card, 1080×1350 each; the same card gives the same bytes.

    A part that the card has no figures for says so in its place.

    Raises
    ------
    BadRequestError
        No theme has that name.
    """
    chosen = theme_named(theme)
    return [draw(card, chosen).picture() for draw in (draw_reliability, draw_curves, draw_parts)]
