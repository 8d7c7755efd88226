"""The picture of how well a model tells good signals from bad: ROC, precision and recall."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.model import ModelCard, ModelMetrics
from pipeline.render.canvas import Canvas
from pipeline.render.frame import MARGIN
from pipeline.render.labels import Box
from pipeline.render.model_sheet import FONT, WIDTH, draw_nothing, model_sheet
from pipeline.render.model_words import ONE_CLASS, metric_lines, share_of
from pipeline.render.number_axes import Axes, draw_axes, side_room
from pipeline.render.theme import Theme, rgba

_WIDE = 560.0
_ROC, _PR = (290.0, 690.0), (850.0, 1210.0)
_HINT = "dashed: what chance alone gives"
_ALL = (0.0, 1.0)


def draw_curves(card: ModelCard, theme: Theme) -> Canvas:
    """Draw both curves with the figures beside them."""
    canvas = model_sheet(card, theme, "telling apart", _HINT)
    if not card.roc and not card.precision_recall:
        middle = MARGIN + (side_room(FONT) + _WIDE) / 2
        draw_nothing(canvas, theme, ONE_CLASS, (middle, 470))
    else:
        left = MARGIN + side_room(FONT)
        m = card.manifest.metrics
        base = m.positives / m.rows if m.rows else 0.0
        roc = Axes(Box(left, _ROC[0], left + _WIDE, _ROC[1]), _ALL, _ALL)
        names = ("false alarms: losers that pass", "ROC: winners that pass")
        draw_axes(canvas, theme, roc, names, FONT)
        _draw_curve(canvas, theme, roc, card.roc, [(0, 0), (1, 1)])
        pr = Axes(Box(left, _PR[0], left + _WIDE, _PR[1]), _ALL, _ALL)
        names = ("recall: winners that pass", "precision: winners among those that pass")
        draw_axes(canvas, theme, pr, names, FONT)
        _draw_curve(canvas, theme, pr, card.precision_recall, [(0, base), (1, base)])
    _draw_figures(canvas, theme, card.manifest.metrics)
    return canvas


def _draw_curve(
    canvas: Canvas,
    theme: Theme,
    axes: Axes,
    curve: Sequence[tuple[float, float]],
    chance: list[tuple[float, float]],
) -> None:
    canvas.line(axes.points(chance), theme.muted, 3, dash=(14, 8), z=2)
    if not curve:
        return
    line = axes.points(curve)
    if len(curve) == 1:  # all scores are equal: all pass or none
        x, y = line[0].tolist()
        canvas.disc(x, y, 9, theme.gap_line, z=5)
        return
    floor = np.array([(line[-1, 0], axes.box.bottom), (line[0, 0], axes.box.bottom)])
    canvas.polygon(np.concatenate([line, floor]), rgba(theme.gap_line, 0.12), z=1)
    canvas.line(line, theme.gap_line, 4, z=4)


def _draw_figures(canvas: Canvas, theme: Theme, m: ModelMetrics) -> None:
    """Write the figures at the right, one under another, intervals below the values."""
    x = MARGIN + side_room(FONT) + _WIDE + 44
    room = WIDTH - MARGIN - x
    lines = [*metric_lines(m), ("Base rate", share_of(m.positives, m.rows))]
    for i, (name, words) in enumerate(lines):
        y = 302 + i * 130
        value, _, held = words.partition(" (")
        canvas.text(x, y, name, FONT, theme.muted, width=room)
        canvas.text(x, y + 38, value, FONT + 9, theme.text, bold=True, width=room)
        if held:
            canvas.text(x, y + 74, held.rstrip(")"), FONT - 1, theme.muted, width=room)
