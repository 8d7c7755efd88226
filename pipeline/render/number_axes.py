"""Axes of two plain numbers: where a value lies, round numbers at the sides, names of both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.scales import number_ticks
from pipeline.render.theme import Theme

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axes:
    """A box of the sheet with the values at its edges; values beyond them lie outside."""

    box: Box
    across: Range
    up: Range

    def x(self, value: float) -> float:
        """Return where a value of the lower axis lies."""
        low, high = self.across
        return self.box.left + (value - low) / (high - low) * (self.box.right - self.box.left)

    def y(self, value: float) -> float:
        """Return where a value of the axis at the side lies."""
        low, high = self.up
        return self.box.bottom - (value - low) / (high - low) * (self.box.bottom - self.box.top)

    def points(self, values: Sequence[tuple[float, float]]) -> np.ndarray:
        """Return the pixels of (across, up) values, an (n, 2) array."""
        return np.array([(self.x(a), self.y(b)) for a, b in values]).reshape(-1, 2)


def range_around(values: Sequence[float], least: float = 0.2) -> Range:
    """Return tenths of [0, 1] that hold the values, at least `least` apart; all of it for none."""
    if not values:
        return 0.0, 1.0
    low = max(0.0, np.floor(min(values) * 10 - 0.2) / 10)
    high = min(1.0, np.ceil(max(values) * 10 + 0.2) / 10)
    while high - low < least - 1e-9:
        low, high = max(0.0, low - 0.1), min(1.0, high + 0.1)
    return float(low), float(high)


def draw_axes(
    canvas: Canvas, theme: Theme, axes: Axes, names: tuple[str, str], font: float
) -> None:
    """Draw lines at round numbers and write them below and at the left, as percent.

    `names` are those of the lower axis, below its numbers, and of the side's, above the box.
    """
    box = axes.box
    for value, words in _ticks(axes.up, max(2, int((box.bottom - box.top) / 75))):
        y = axes.y(value)
        canvas.rect(Box(box.left, y, box.right, y + 1), theme.grid, z=0.5)
        canvas.text(box.left - 12, y, words, font, theme.muted, anchor="right")
    for value, words in _ticks(axes.across, max(2, int((box.right - box.left) / 95))):
        x = axes.x(value)
        canvas.rect(Box(x, box.top, x + 1, box.bottom), theme.grid, z=0.5)
        canvas.text(x, box.bottom + font, words, font, theme.muted, anchor="center")
    canvas.outline(box, theme.grid, 2, z=7)
    below, side = names
    middle = (box.left + box.right) / 2
    canvas.text(middle, box.bottom + 2.4 * font, below, font, theme.muted, anchor="center")
    canvas.text(box.left, box.top - font, side, font, theme.muted)


def side_room(font: float) -> float:
    """Return the width that the numbers at the left take."""
    return text_width("100%", font) + 14


def _ticks(span: Range, most: int) -> list[tuple[float, str]]:
    values, _ = number_ticks(*span, most)
    return [(value, f"{value:.0%}") for value in values.tolist()]
