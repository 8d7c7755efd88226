"""A field of coloured cells with names at two sides: the map of two parameters, or of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.theme import Colour, Theme

_STRONGEST = 0.85  # of the way from the ground to the full colour


@dataclass(frozen=True, slots=True)
class Field:
    """What is drawn: rows from the top, columns from the left.

    Parameters
    ----------
    values
        (rows, columns); the sign is the colour, the size its strength. NaN: no evidence.
    words, more
        What stands in each cell, in a first and a second line, where there is room; "" is none.
    full
        The size at which a colour is strongest, > 0.
    """

    values: np.ndarray
    words: list[list[str]]
    more: list[list[str]]
    rows: Sequence[str]
    columns: Sequence[str]
    full: float


def shade(theme: Theme, value: float, full: float) -> Colour:
    """Return a value's colour: green above zero, red below, the ground at zero."""
    if not np.isfinite(value):
        return theme.panel
    colour = theme.up if value >= 0 else theme.down
    part = 0.08 + (_STRONGEST - 0.08) * min(abs(value) / full, 1.0)
    mixed = [
        round(
            int(colour[i : i + 2], 16) * part + int(theme.background[i : i + 2], 16) * (1 - part)
        )
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{c:02x}" for c in mixed)


def label_width(names: Sequence[str], font: float, most: float = 330) -> float:
    """Return the room that the names of rows take."""
    return min(max((text_width(n, font) for n in names), default=0.0), most) + 16


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where the cells of a field lie."""

    box: Box
    rows: int
    columns: int

    def cell(self, row: int, column: int) -> Box:
        """Return a cell's box, with the hair lines around it left out."""
        wide = (self.box.right - self.box.left) / self.columns
        high = (self.box.bottom - self.box.top) / self.rows
        left, top = self.box.left + column * wide, self.box.top + row * high
        return Box(round(left) + 1, round(top) + 1, round(left + wide) - 1, round(top + high) - 1)


def draw_field(canvas: Canvas, theme: Theme, field: Field, box: Box, font: float) -> Drawn:
    """Draw the cells into `box`, names of rows to its left and of columns below it."""
    drawn = Drawn(box, *field.values.shape)
    for row, values in enumerate(field.values.tolist()):
        for column, value in enumerate(values):
            cell = drawn.cell(row, column)
            canvas.rect(cell, shade(theme, value, field.full), z=1)
            if not np.isfinite(value):
                _cross(canvas, theme, cell)
            _words(canvas, theme, cell, (field.words[row][column], field.more[row][column]), font)
    _row_names(canvas, theme, drawn, field.rows, font)
    _column_names(canvas, theme, drawn, field.columns, font)
    return drawn


def _cross(canvas: Canvas, theme: Theme, cell: Box) -> None:
    """Mark a cell without evidence by a thin stroke."""
    canvas.line([(cell.left, cell.bottom), (cell.right, cell.top)], theme.grid, 1, z=1.2)


def _words(canvas: Canvas, theme: Theme, cell: Box, words: tuple[str, str], font: float) -> None:
    wide, high = cell.right - cell.left - 8, cell.bottom - cell.top
    first, second = words
    if not first or text_width(first, font, bold=True) > wide or high < font * 1.2:
        return
    x, y = (cell.left + cell.right) / 2, (cell.top + cell.bottom) / 2
    two = bool(second) and text_width(second, font) <= wide and high > font * 2.6
    up = font * 0.62 if two else 0.0
    canvas.text(x, y - up, first, font, theme.text, bold=True, anchor="center")
    if two:
        canvas.text(x, y + font * 0.68, second, font, theme.text, anchor="center")


def _row_names(
    canvas: Canvas, theme: Theme, drawn: Drawn, names: Sequence[str], font: float
) -> None:
    high = (drawn.box.bottom - drawn.box.top) / max(drawn.rows, 1)
    every = max(1, int(np.ceil(font * 1.25 / high)))
    for row in range(0, drawn.rows, every):
        cell = drawn.cell(row, 0)
        room = drawn.box.left - 32
        canvas.text(drawn.box.left - 12, (cell.top + cell.bottom) / 2, names[row], font,
                    theme.muted, anchor="right", width=room)  # fmt: skip


def _column_names(
    canvas: Canvas, theme: Theme, drawn: Drawn, names: Sequence[str], font: float
) -> None:
    wide = (drawn.box.right - drawn.box.left) / max(drawn.columns, 1)
    widest = max((text_width(n, font) for n in names), default=0.0) + font * 0.6
    every = max(1, int(np.ceil(min(widest, 260) / wide)))
    for column in range(0, drawn.columns, every):
        cell = drawn.cell(0, column)
        x, y = (cell.left + cell.right) / 2, drawn.box.bottom + font * 0.95
        canvas.text(x, y, names[column], font, theme.muted, anchor="center", width=wide * every)


def draw_scale(
    canvas: Canvas,
    theme: Theme,
    full: float,
    words: tuple[str, str, str],
    at: tuple[float, float],
    font: float,
) -> None:
    """Draw the colours' scale from −full to +full: its name above, words at both ends."""
    x, y = at
    name, low, high = words
    wide, steps = 300.0, 30
    canvas.text(x, y, name, font, theme.muted)
    for i in range(steps):
        value = full * (2 * (i + 0.5) / steps - 1)
        left = x + wide * i / steps
        canvas.rect(Box(left, y + font, left + wide / steps + 1, y + font * 2),
                    shade(theme, value, full), z=2)  # fmt: skip
    canvas.text(x, y + font * 2.7, low, font, theme.muted)
    canvas.text(x + wide, y + font * 2.7, high, font, theme.muted, anchor="right")
