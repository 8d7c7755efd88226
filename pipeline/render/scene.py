"""The stage of a bar chart: canvas, axes map and bars, and the labels that wait for room."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.domain.market import Instrument, Side
from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box, Placer
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Colour, Theme, rgba
from pipeline.render.window import Window

WIDE_SLOT = 6.0  # from here on wicks are three pixels wide
LEADER_FROM = 20.0  # a label farther from what it means has a line to it


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label that wants to be near (x, y), above it or below; first come, best placed."""

    words: str
    x: float
    y: float
    up: bool
    colour: Colour
    rank: int = 5
    means: Box | None = None


@dataclass(slots=True)
class Scene:
    """What every part of a bar chart draws on."""

    canvas: Canvas
    mapping: PixelMap
    window: Window
    theme: Theme
    instrument: Instrument
    side: Side
    font: float
    stroke: float = 3
    wanted: list[Wanted] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)
    known: float = np.inf
    """Epoch seconds at which what is drawn was known; a bar that closed later says nothing."""

    @property
    def plot(self) -> Box:
        """The area of the bars."""
        m = self.mapping
        return Box(m.left, m.top, m.right, m.bottom)

    def price(self, value: float) -> str:
        """Return a price in the instrument's digits."""
        return f"{value:.{self.instrument.digits}f}"

    def level(
        self,
        x: tuple[float, float],
        price: float,
        colour: Colour,
        *,
        dash: tuple[float, float] | None = None,
        z: float = 3,
        width: float | None = None,
    ) -> None:
        """Draw a price from x to x, centred on its pixel row, where labels had better not be."""
        stroke = self.stroke if width is None else width
        y = float(int(self.mapping.y(price))) + 0.5
        if not self.mapping.top <= y <= self.mapping.bottom or x[1] <= x[0]:
            return
        if dash is None:
            self.canvas.rect(Box(x[0], y - stroke / 2, x[1], y + stroke / 2), colour, z=z)
        else:
            self.canvas.line([(x[0], y), (x[1], y)], colour, stroke, dash=dash, z=z)
        self.lines.append(Box(x[0], y - stroke, x[1], y + stroke))

    def kept_y(self, price: float) -> float:
        """Return the y of a price, moved into the plot if it lies outside."""
        return min(max(self.mapping.y(price), self.mapping.top), self.mapping.bottom)

    def ask_label(
        self,
        words: str,
        at: tuple[float, float],
        colour: Colour,
        *,
        up: bool,
        rank: int = 5,
        means: Box | None = None,
    ) -> None:
        """Ask for a label near a point; lower ranks are placed first.

        A line, if one is needed, goes to the nearest place of `means`, or else to the point.
        """
        x = min(max(at[0], self.plot.left), self.plot.right)
        y = min(max(at[1], self.plot.top), self.plot.bottom)
        self.wanted.append(Wanted(words, x, y, up, colour, rank, means))

    def draw_bars(self) -> None:
        """Draw the candles; a body is at least a line thick."""
        o, h, low, c = self.window.prices.T
        m, slot = self.mapping, self.mapping.slot_width
        middle = np.floor(m.left + (np.arange(len(o)) + 0.5) * slot)
        wick = 3 if slot >= WIDE_SLOT else 1
        half = max(wick // 2, int(slot * 0.36))
        top, bottom = (np.floor(_rows(m, v)) for v in (np.maximum(o, c), np.minimum(o, c)))
        bodies = np.column_stack(
            [middle - half, top, middle + half + 1, np.maximum(bottom + 1, top + 2)]
        )
        wicks = np.column_stack(
            [
                middle - wick // 2,
                np.floor(_rows(m, h)),
                middle + wick // 2 + 1,
                np.floor(_rows(m, low)) + 1,
            ]
        )
        rising = c >= o
        for which, colour in ((rising, self.theme.up), (~rising, self.theme.down)):
            self.canvas.rects(np.concatenate([wicks[which], bodies[which]]), colour, z=4)

    def place_labels(self, keep_clear: list[Box]) -> list[Wanted]:
        """Find room for the labels asked for, and draw them with a line to what they mean.

        Returns those for which there was none.
        """
        crowded_out = []
        placer = Placer(_inner(self.plot, 4), self._obstacles())
        for box in keep_clear:
            placer.take(box)
        for want in sorted(self.wanted, key=lambda w: w.rank):
            size = (text_width(want.words, self.font, bold=True) + 18, self.font * 1.45)
            found = placer.place(want.x, want.y, size, up=want.up)
            if found is None:
                crowded_out.append(want)
            else:
                self._draw_label(want, found)
        return crowded_out

    def _draw_label(self, want: Wanted, box: Box) -> None:
        x, y = want.x, want.y
        if want.means is not None:
            x = min(max((box.left + box.right) / 2, want.means.left), want.means.right)
            y = min(max((box.top + box.bottom) / 2, want.means.top), want.means.bottom)
        inset = 0 if box.top < y < box.bottom else 8
        near_x = min(max(x, box.left + inset), box.right - inset)
        near_y = min(max(y, box.top), box.bottom)
        if abs(near_y - y) + abs(near_x - x) > LEADER_FROM:
            self.canvas.line([(near_x, near_y), (x, y)], want.colour, 2, z=5)
        self.canvas.pill(box, rgba(self.theme.background, 0.88), z=6)
        middle = (box.top + box.bottom) / 2
        self.canvas.text(
            (box.left + box.right) / 2, middle, want.words, self.font, want.colour,
            bold=True, anchor="center",
        )  # fmt: skip

    def _obstacles(self) -> np.ndarray:
        m = self.mapping
        middle = m.left + (np.arange(self.window.bars) + 0.5) * m.slot_width
        half = m.slot_width / 2
        h, low = (_rows(m, self.window.prices[:, i]) for i in (1, 2))
        bars = np.column_stack([middle - half, h, middle + half, low])
        return np.concatenate([bars, np.array(self.lines, dtype="float64").reshape(-1, 4)])


def _rows(mapping: PixelMap, prices: np.ndarray) -> np.ndarray:
    share = (prices - mapping.price_low) / (mapping.price_high - mapping.price_low)
    return np.asarray(mapping.bottom - share * (mapping.bottom - mapping.top))


def _inner(box: Box, by: float) -> Box:
    return Box(box.left + by, box.top + by, box.right - by, box.bottom - by)
