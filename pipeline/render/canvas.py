"""A sheet of pixels to draw on: matplotlib's Agg without axes, pyplot or global state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, get_hinting_flag
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from pipeline.render.labels import Box, fit_text
from pipeline.render.pixels import PixelMap
from pipeline.render.png import indexed_png
from pipeline.render.theme import Colour

DPI = 72  # a point is a pixel: font sizes and line widths are pixels
_FONTS = f"{mpl.get_data_path()}/fonts/ttf/"
_REGULAR = f"{_FONTS}DejaVuSans.ttf"
_BOLD = f"{_FONTS}DejaVuSans-Bold.ttf"

Anchor = Literal["left", "center", "right"]
Points = Sequence[tuple[float, float]] | np.ndarray


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture. `mapping` is None where there is no time and price axis."""

    png: bytes
    width: int
    height: int
    mapping: PixelMap | None = None


class Canvas:
    """A picture in the making. Coordinates are pixels from the left top corner, y downwards.

    Parameters
    ----------
    width, height
        In pixels.
    background
        `#rrggbb`.

    Attributes
    ----------
    tags
        Boxes of labels with a ground of their own; none may overlap another.

    Notes
    -----
    An instance belongs to one thread; any number of threads may have one each.
    """

    def __init__(self, width: int, height: int, background: str) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=background)
        self.agg = FigureCanvasAgg(self.figure)
        self.tags: list[Box] = []
        self._flip = Affine2D().scale(1, -1).translate(0, height)

    @property
    def frame(self) -> Box:
        """The whole sheet."""
        return Box(0, 0, self.width, self.height)

    def rect(self, box: Box, fill: Colour, *, z: float = 1) -> None:
        """Fill a rectangle, crisp at whole pixels."""
        self.rects(np.array([box]), fill, z=z)

    def rects(self, boxes: np.ndarray, fill: Colour, *, z: float = 1) -> None:
        """Fill rectangles given as an (n, 4) array of left, top, right, bottom, rounded."""
        if not len(boxes):
            return
        left, top, right, bottom = np.round(boxes).T
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        self._add(
            PolyCollection(
                np.moveaxis(corners, 2, 0), facecolors=[fill], linewidths=0, antialiaseds=False
            ),
            z,
        )

    def polygon(self, points: Points, fill: Colour, *, z: float = 1) -> None:
        """Fill a polygon."""
        self._add(PolyCollection([np.asarray(points)], facecolors=[fill], linewidths=0), z)

    def disc(self, x: float, y: float, radius: float, fill: Colour, *, z: float = 6) -> None:
        """Fill a circle and keep it as a tag."""
        self.tags.append(Box(x - radius, y - radius, x + radius, y + radius))
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        ring = np.column_stack([x + radius * np.cos(turn), y + radius * np.sin(turn)])
        self.polygon(ring, fill, z=z)

    def line(
        self,
        points: Points,
        colour: Colour,
        width: float,
        *,
        dash: tuple[float, float] | None = None,
        z: float = 2,
    ) -> None:
        """Draw a line through points; `dash` is (on, off) in pixels."""
        xs, ys = np.asarray(points, dtype="float64").T
        style = "-" if dash is None else (0, tuple(part / width for part in dash))
        self._add(
            Line2D(
                xs,
                ys,
                color=colour,
                linewidth=width,
                linestyle=style,
                solid_joinstyle="round",
                solid_capstyle="butt",
            ),
            z,
        )

    def outline(self, box: Box, colour: Colour, width: float, *, z: float = 2) -> None:
        """Draw the border of a rectangle, inside it, crisp."""
        left, top, right, bottom = box
        sides = [
            (left, top, right, top + width),
            (left, bottom - width, right, bottom),
            (left, top, left + width, bottom),
            (right - width, top, right, bottom),
        ]
        self.rects(np.array(sides), colour, z=z)

    def pill(self, box: Box, fill: Colour, *, radius: float = 6, z: float = 6) -> None:
        """Fill a rectangle with round corners and keep it as a tag."""
        self.tags.append(box)
        patch = FancyBboxPatch(
            (box.left, box.top),
            box.right - box.left,
            box.bottom - box.top,
            boxstyle=f"round,pad=0,rounding_size={radius}",
            facecolor=fill,
            linewidth=0,
        )
        self._add(patch, z)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: Colour,
        *,
        bold: bool = False,
        anchor: Anchor = "left",
        width: float | None = None,
        z: float = 8,
    ) -> Box:
        """Write one line, its capitals centred on y, cut with … to `width`; return its box."""
        words = printable(text)
        if width is not None:
            words = fit_text(words, width, lambda part: text_width(part, size, bold=bold))
        artist = Text(
            x,
            y + 0.36 * size,
            words,
            color=colour,
            fontproperties=_font(bold=bold),
            fontsize=size,
            horizontalalignment=anchor,
            verticalalignment="baseline",
            parse_math=False,
        )
        self._add(artist, z)
        wide = text_width(words, size, bold=bold)
        left = x - {"left": 0.0, "center": wide / 2, "right": wide}[anchor]
        return Box(left, y - size * 0.55, left + wide, y + size * 0.6)

    def picture(self, mapping: PixelMap | None = None) -> Picture:
        """Draw everything and return the PNG; the same drawing gives the same bytes."""
        self.agg.draw()
        png = indexed_png(np.asarray(self.agg.buffer_rgba()))
        return Picture(png, self.width, self.height, mapping)

    def _add(self, artist: PolyCollection | Line2D | FancyBboxPatch | Text, z: float) -> None:
        artist.set_transform(self._flip)
        artist.set_zorder(z)
        self.figure.add_artist(artist)


@lru_cache(maxsize=2)
def _font(*, bold: bool) -> FontProperties:
    return FontProperties(fname=_BOLD if bold else _REGULAR)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width in pixels that a line of text takes."""
    font = get_font(_BOLD if bold else _REGULAR)
    font.set_size(size, DPI)
    font.set_text(text, 0.0, flags=get_hinting_flag())
    return float(font.get_width_height()[0]) / 64


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(_REGULAR).get_charmap())


def printable(text: str) -> str:
    """Return the text on one line, with ? for what the font can't draw."""
    known = _glyphs()
    return "".join(c if ord(c) in known else "?" for c in " ".join(text.split()))
