"""Panels of a report: a scale at the right, round lines across, time or months below."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.pixels import PixelMap
from pipeline.render.scales import Tick, number_ticks
from pipeline.render.theme import Theme
from pipeline.render.words import signed

_HOURS = (1, 3, 6, 12, 24, 48, 96)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_DAY_HOURS, _YEAR_MONTHS = 24, 12
_MOST_TICKS = 30
_ZERO = 1e-9


@dataclass(frozen=True, slots=True)
class Panel:
    """One scale: its map and the theme and font it is drawn in."""

    canvas: Canvas
    mapping: PixelMap
    theme: Theme
    font: float

    def rows(self, most: int, *tags: Box) -> None:
        """Draw round numbers at the right, but none under a tag, and lines; zero's is stronger."""
        m, c, t = self.mapping, self.canvas, self.theme
        values, needed = number_ticks(m.price_low, m.price_high, most)
        for value in values.tolist():
            y = m.y(value)
            zero = abs(value) < _ZERO
            colour = t.muted if zero else t.grid
            c.rect(Box(m.left, int(y), m.right, int(y) + (2 if zero else 1)), colour, z=0.8)
            half = self.font * 0.6
            box = Box(m.right, y - half, c.width, y + half)
            inside = m.top <= box.top and box.bottom <= m.bottom
            if (inside or zero) and not any(tag.meets(box) for tag in tags):
                c.text(m.right + 14, y, signed(value, needed), self.font, t.muted)

    def frame(self) -> None:
        """Draw the scale's line and the panel's floor."""
        m = self.mapping
        box = np.array([(m.right, m.top, m.right + 2, m.bottom),
                        (m.left, m.bottom, m.right + 2, m.bottom + 2)])  # fmt: skip
        self.canvas.rects(box, self.theme.grid, z=7)

    def title(self, words: str) -> None:
        """Name the panel above its upper left corner."""
        m = self.mapping
        self.canvas.text(m.left, m.top - self.font * 0.8, words, self.font, self.theme.muted)


def scale_width(values: list[float], font: float) -> float:
    """Return a width that holds the numbers of a scale reaching over `values`."""
    widest = max((abs(v) for v in values), default=0.0)
    words = f"−{widest * 1.3:.0f}.0" if widest >= 1 else "−0.00"
    return text_width(words, font) + 24


def padded(low: float, high: float, share: float, least: float) -> tuple[float, float]:
    """Return the interval widened by a share of itself, and to at least `least`."""
    missing = max(0.0, least - (high - low)) / 2
    low, high = low - missing, high + missing
    return low - share * (high - low), high + share * (high - low)


def long_time_ticks(mapping: PixelMap, font: float) -> list[Tick]:
    """Return round UTC hours, days, months or years of a straight axis that fit side by side."""
    wide = mapping.right - mapping.left
    for choice in _choices(mapping.times[0], mapping.times[-1]):
        room = max((text_width(words, font) for _, words in choice), default=0) + font * 1.4
        if len(choice) * room <= wide:
            half = room / 2 - font * 0.6
            ticks = [Tick(mapping.x(moment.timestamp()), words) for moment, words in choice]
            return [t for t in ticks if mapping.left <= t.at - half and t.at + half <= wide]
    return []


def _choices(first: int, last: int) -> Iterator[list[tuple[pd.Timestamp, str]]]:
    """Yield axes from fine to coarse, leaving out those with hopelessly many ticks."""
    for hours in _HOURS:
        step = hours * 3600
        if (last - first) / step <= _MOST_TICKS:
            stamps = [_utc(s) for s in range(-(-first // step) * step, last + 1, step)]
            clock = hours < _DAY_HOURS
            yield [(s, f"{s.day} {s:%b %H:%M}" if clock else f"{s.day} {s:%b}") for s in stamps]
    start, end = _utc(first), _utc(last)
    for months in _MONTHS:
        if (last - first) / (months * 30 * 86400) <= _MOST_TICKS:
            every = pd.date_range(start.normalize().replace(day=1), end, freq="MS")
            number = every.year * 12 + every.month - 1
            kept = every[(number % months == 0) & (every >= start)]
            yield [(s, f"{s.year}" if months >= _YEAR_MONTHS else f"{s:%b %Y}") for s in kept]


def _utc(seconds: int) -> pd.Timestamp:
    return pd.Timestamp(seconds, unit="s", tz="UTC")


def draw_columns(canvas: Canvas, mapping: PixelMap, ticks: list[Tick], theme: Theme) -> None:
    """Draw hair lines down a panel."""
    m = mapping
    lines = [(int(t.at), m.top, int(t.at) + 1, m.bottom) for t in ticks]
    canvas.rects(np.array(lines).reshape(-1, 4), theme.grid, z=0.8)


def stepped(mapping: PixelMap, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the corners of a curve that jumps at each time, one pixel column at a time.

    Notes
    -----
    Where many jumps share a column only its first, lowest, highest and last value can be seen;
    leaving out the others makes 5,000 trades as quick as 500.
    """
    m = mapping
    share = (times - m.times[0]) / (m.times[-1] - m.times[0])
    xs = m.left + share * (m.right - m.left)
    ys = m.bottom - (values - m.price_low) / (m.price_high - m.price_low) * (m.bottom - m.top)
    column = np.floor(xs)
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    ends = np.append(starts[1:], len(xs))
    keep: set[int] = set()
    for a, b in zip(starts.tolist(), ends.tolist(), strict=True):
        part = ys[a:b]
        keep.update((a, a + int(part.argmin()), a + int(part.argmax()), b - 1))
    rows = np.array(sorted(keep))
    corners = np.column_stack([np.repeat(xs[rows], 2)[1:], np.repeat(ys[rows], 2)[:-1]])
    return np.asarray(corners)
