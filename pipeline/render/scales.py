"""Axes for people: round prices, round local times, words that don't touch."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Theme

_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 14400)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in pixels, and its words."""

    at: float
    words: str
    strong: bool = False


def round_step(span: float, most: int) -> float:
    """Return the smallest of 1, 2, 5 × 10ⁿ that cuts `span` into at most `most` parts."""
    rough = span / max(most, 1)
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9)))


def number_ticks(low: float, high: float, most: int) -> tuple[np.ndarray, int]:
    """Return round numbers in [low, high] and the decimals they need."""
    step = round_step(high - low, most)
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return np.arange(first, last + 1) * step, max(0, -int(np.floor(np.log10(step) + 1e-9)))


def price_ticks(mapping: PixelMap, digits: int, gap: float = 105) -> list[Tick]:
    """Return round prices of the axis, about `gap` pixels apart, in the instrument's digits."""
    most = max(2, int((mapping.bottom - mapping.top) / gap))
    values, _ = number_ticks(mapping.price_low, mapping.price_high, most)
    return [Tick(mapping.y(value), f"{value:.{digits}f}") for value in values.tolist()]


def time_ticks(mapping: PixelMap, zone: str, size: float) -> list[Tick]:
    """Return round local times of a stepped axis, as many as fit without touching.

    The first tick of a day is its date.
    """
    stamps = pd.to_datetime(np.array(mapping.times), unit="s", utc=True).tz_convert(zone)
    wall = stamps.tz_localize(None).as_unit("s").asi8
    room = text_width("00:00", size) + 1.6 * size
    most = int((mapping.right - mapping.left) / room)
    rows = _round_rows(wall, most)
    days = wall // 86400
    found = []
    for row in rows.tolist():
        new_day = row > 0 and days[row] != days[row - 1]
        words = f"{stamps[row]:%H:%M}"
        if new_day or wall[row] % 86400 == 0:
            words = f"{stamps[row].day} {stamps[row]:%b}"
        found.append(Tick(mapping.slot_x(row), words, new_day))
    return _untangled(found, mapping, size)


def _round_rows(wall: np.ndarray, most: int) -> np.ndarray:
    """Return the bars at which the clock passes round times, of the finest step that fits."""
    rows = np.array([0])
    for minutes in _STEPS_MIN:
        rows = np.flatnonzero(np.diff(wall // (minutes * 60), prepend=wall[0] // (minutes * 60)))
        if len(rows) <= most:
            break
    return rows


def _untangled(ticks: list[Tick], mapping: PixelMap, size: float) -> list[Tick]:
    """Return the ticks whose words stay in the frame and clear of each other, dates first."""
    kept: list[tuple[float, float, Tick]] = []
    for tick in sorted(ticks, key=lambda t: not t.strong):
        half = text_width(tick.words, size, bold=tick.strong) / 2
        left, right = tick.at - half, tick.at + half
        if left < mapping.left or right > mapping.right:
            continue
        if all(left > b + 0.6 * size or right < a - 0.6 * size for a, b, _ in kept):
            kept.append((left, right, tick))
    return [tick for _, _, tick in sorted(kept, key=lambda entry: entry[0])]


def draw_grid(
    canvas: Canvas, mapping: PixelMap, across: list[Tick], down: list[Tick], theme: Theme
) -> None:
    """Draw hair lines at the ticks and the frame to the right and below."""
    m = mapping
    rows = [(m.left, t.at - 0.5, m.right, t.at + 0.5) for t in across]
    columns = [(t.at - 0.5, m.top, t.at + 0.5, m.bottom) for t in down]
    canvas.rects(np.array(rows + columns).reshape(-1, 4), theme.grid, z=0.5)
    frame = [(m.right, m.top, m.right + 2, m.bottom), (0, m.bottom, m.right + 2, m.bottom + 2)]
    canvas.rects(np.array(frame), theme.grid, z=7)


def draw_times(
    canvas: Canvas, mapping: PixelMap, ticks: list[Tick], theme: Theme, size: float
) -> list[Box]:
    """Write the time axis under the plot."""
    y = mapping.bottom + 0.95 * size
    return [
        canvas.text(
            t.at,
            y,
            t.words,
            size,
            theme.text if t.strong else theme.muted,
            bold=t.strong,
            anchor="center",
        )
        for t in ticks
    ]
