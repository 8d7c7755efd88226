"""The months of a report as bars: green above zero, red below."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from pipeline.domain.report import MonthResult
from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.panels import Panel, padded
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Theme
from pipeline.render.words import signed

_WIDEST = 90.0
_MOST_NAMES = 30  # beyond, only years are named


def draw_months(
    canvas: Canvas, theme: Theme, months: Sequence[MonthResult], box: Box, font: float
) -> None:
    """Draw R by month, the months between the first and the last without trades included."""
    rows = _every_month(months)
    values = np.array([rr for _, rr in rows] or [0.0])
    low, high = padded(min(values.min(), 0.0), max(values.max(), 0.0), 0.24, 0.5)
    mapping = PixelMap(left=box.left, top=box.top, right=int(box.right), bottom=box.bottom,
                       times=(0,), price_low=low, price_high=high)  # fmt: skip
    panel = Panel(canvas, mapping, theme, font)
    panel.rows(3)
    panel.frame()
    panel.title("By month, R")
    if not rows:
        return
    slot = (mapping.right - mapping.left) / len(rows)
    centres = mapping.left + (np.arange(len(rows)) + 0.5) * slot
    half = max(min(slot * 0.36, _WIDEST / 2), 0.5)
    ys, zero = np.array([mapping.y(v) for v in values.tolist()]), mapping.y(0.0)
    tops = np.minimum(ys, zero)
    floors = np.maximum(np.maximum(ys, zero), tops + 2)
    bars = np.column_stack([centres - half, tops, centres + half, floors])
    canvas.rects(bars[values >= 0], theme.up, z=3)
    canvas.rects(bars[values < 0], theme.down, z=3)
    _write_values(panel, centres, values, slot)
    _write_names(panel, centres, [month for month, _ in rows], slot)


def _every_month(months: Sequence[MonthResult]) -> list[tuple[date, float]]:
    known = {date.fromisoformat(f"{m.month}-01"): m.rr for m in months}
    if not known:
        return []
    first, last = min(known), max(known)
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    number = first.year * 12 + first.month - 1
    rows = [date((number + i) // 12, (number + i) % 12 + 1, 1) for i in range(count)]
    return [(month, known.get(month, 0.0)) for month in rows]


def _write_values(panel: Panel, centres: np.ndarray, values: np.ndarray, slot: float) -> None:
    words = [signed(value, 1) for value in values.tolist()]
    if max(text_width(w, panel.font) for w in words) + 8 > slot:
        return
    for x, value, word in zip(centres.tolist(), values.tolist(), words, strict=True):
        way = -1 if value >= 0 else 1
        y = panel.mapping.y(value) + way * panel.font * 0.75
        panel.canvas.text(x, y, word, panel.font, panel.theme.text, anchor="center")


def _write_names(panel: Panel, centres: np.ndarray, months: list[date], slot: float) -> None:
    """Write as many names as fit: months with a year at January, or years only."""
    m, font = panel.mapping, panel.font
    yearly = len(months) > _MOST_NAMES
    free = m.left
    for x, month in zip(centres.tolist(), months, strict=True):
        first = month == months[0]
        if yearly and month.month != 1 and not first:
            continue
        words = f"{month.year}" if yearly else f"{month:%b}"
        if not yearly and slot > text_width("May 2024", font) + 10:
            words = f"{month:%b %Y}"
        half = text_width(words, font) / 2
        if x - half < free or x + half > m.right:
            continue
        panel.canvas.text(x, m.bottom + font, words, font, panel.theme.muted, anchor="center")
        free = x + half + font * 0.5
