"""The picture of a model's promises: what scores said, what came true, how many there were."""

from dataclasses import dataclass

import numpy as np

from pipeline.backtest.metrics import wilson
from pipeline.domain.model import ModelCard
from pipeline.render.canvas import Canvas, text_width
from pipeline.render.frame import MARGIN
from pipeline.render.labels import Box, push_apart
from pipeline.render.model_sheet import FONT, WIDTH, draw_nothing, model_sheet
from pipeline.render.number_axes import Axes, draw_axes, range_around, side_room
from pipeline.render.theme import Theme, rgba
from pipeline.render.words import count

_PLOT, _BARS, _TAGS = (290.0, 856.0), (1006.0, 1210.0), 922.0
Bars = list[tuple[float, float, int]]
_HINT = "dots on the line: scores are kept; whiskers: 95 %"


@dataclass(frozen=True, slots=True)
class Mark:
    """A score that matters, with its name."""

    score: float
    words: str
    colour: str


def draw_reliability(card: ModelCard, theme: Theme) -> Canvas:
    """Draw each bin of scores against the share of it that reached the target."""
    canvas = model_sheet(card, theme, "promised and kept", _HINT)
    bins = [b for b in card.reliability if b[2] > 0]
    if not bins:
        draw_nothing(canvas, theme, "No scores to compare with outcomes.", (WIDTH / 2, 600))
        return canvas
    marks = _marks(card, theme)
    bars = _bars(card, bins)
    ends = [end for low, high, _ in bars for end in (low, high)]
    across = range_around([*(b[0] for b in bins), *ends, *(m.score for m in marks)])
    left, right = MARGIN + side_room(FONT), WIDTH - MARGIN - 24
    top = Axes(Box(left, _PLOT[0], right, _PLOT[1]), across, (0.0, 1.0))
    most = max(n for _, _, n in bars)
    low = Axes(Box(left, _BARS[0], right, _BARS[1]), across, (0.0, most * 1.25))
    draw_axes(canvas, theme, top, ("", "share that reached the target"), FONT)
    _draw_marks(canvas, theme, (top, low), marks)
    _draw_kept_line(canvas, theme, top)
    for mean, share, n in bins:
        _draw_bin(canvas, theme, top, (mean, share, n))
    _draw_histogram(canvas, theme, low, bars)
    return canvas


def _marks(card: ModelCard, theme: Theme) -> list[Mark]:
    marks = [Mark(card.manifest.threshold, f"passes at {card.manifest.threshold:g}", theme.entry)]
    if card.break_even is not None and 0 <= card.break_even <= 1:
        marks.append(Mark(card.break_even, f"break-even {card.break_even:.2f}", theme.mark))
    return marks


def _draw_marks(canvas: Canvas, theme: Theme, axes: tuple[Axes, Axes], marks: list[Mark]) -> None:
    """Draw the scores that matter down both panels, their names side by side between them."""
    for mark in marks:
        for axis in axes:
            x = axis.x(mark.score)
            line = [(x, axis.box.top), (x, axis.box.bottom)]
            canvas.line(line, mark.colour, 3, dash=(9, 7), z=2.5)
    left, right = axes[0].box.left, axes[0].box.right
    ordered = sorted(marks, key=lambda m: m.score)
    wide = max(text_width(m.words, FONT, bold=True) for m in marks) + 20
    centres = push_apart([axes[0].x(m.score) for m in ordered], wide + 12, left, right)
    for mark, centre in zip(ordered, centres, strict=True):
        half = text_width(mark.words, FONT, bold=True) / 2 + 10
        canvas.pill(Box(centre - half, _TAGS - 17, centre + half, _TAGS + 17), mark.colour,
                    radius=4, z=9)  # fmt: skip
        canvas.text(centre, _TAGS, mark.words, FONT, theme.on_colour, bold=True,
                    anchor="center", z=10)  # fmt: skip


def _draw_kept_line(canvas: Canvas, theme: Theme, axes: Axes) -> None:
    """Draw where dots lie whose promise is kept exactly."""
    low, high = axes.across
    canvas.line(axes.points([(low, low), (high, high)]), theme.muted, 3, dash=(14, 8), z=2)


def _draw_bin(canvas: Canvas, theme: Theme, axes: Axes, made: tuple[float, float, int]) -> None:
    mean, share, n = made
    held = wilson(round(share * n), n)
    x = axes.x(mean)
    if held is not None:
        ends = axes.y(held.low), axes.y(held.high)
        canvas.line([(x, ends[0]), (x, ends[1])], theme.gap_line, 3, z=4)
        caps = [(x - 9, y - 1.5, x + 9, y + 1.5) for y in ends]
        canvas.rects(np.array(caps), theme.gap_line, z=4)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    y, radius = axes.y(share), 10.0
    ring = np.column_stack([x + radius * np.cos(turn), y + radius * np.sin(turn)])
    canvas.polygon(ring, theme.gap_line, z=5)


def _draw_histogram(canvas: Canvas, theme: Theme, axes: Axes, bars: Bars) -> None:
    """Draw how many signals got such scores; counts are written where they don't touch."""
    box = axes.box
    sides = [
        (axes.x(low) + 1, axes.y(n), max(axes.x(high) - 1, axes.x(low) + 3), box.bottom)
        for low, high, n in bars
    ]
    canvas.rects(np.array(sides), rgba(theme.gap_line, 0.55), z=2)
    canvas.rect(Box(box.left, box.bottom, box.right, box.bottom + 2), theme.muted, z=3)
    total = count(sum(n for _, _, n in bars), "signal")
    title = f"how many signals got such a score, {total} in all"
    canvas.text(box.left, box.top - FONT, title, FONT, theme.muted)
    middle = (box.left + box.right) / 2
    canvas.text(middle, box.bottom + FONT * 1.3, "score", FONT, theme.muted, anchor="center")
    taken: list[Box] = []
    for low, high, n in sorted(bars, key=lambda bar: -bar[2]):
        words, x, y = f"{n:,}", axes.x((low + high) / 2), axes.y(n) - FONT * 0.75
        wide = text_width(words, FONT)
        x = min(max(x, box.left + wide / 2), box.right - wide / 2)
        place = Box(x - wide / 2 - 4, y - FONT * 0.6, x + wide / 2 + 4, y + FONT * 0.6)
        if not any(place.meets(other) for other in taken):
            canvas.rect(place, theme.background, z=8)
            canvas.text(x, y, words, FONT, theme.text, anchor="center", z=9)
            taken.append(place)


def _bars(card: ModelCard, bins: list[tuple[float, float, int]]) -> Bars:
    """Return (from, to, rows) of the card; where it has none, narrow ones at the bins' means."""
    told = [bar for bar in card.histogram if bar[2] > 0]
    return told or [(max(m - 0.004, 0.0), min(m + 0.004, 1.0), n) for m, _, n in bins]
