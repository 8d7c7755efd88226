"""The line of one parameter: mean R with its standard error at each value, trades below."""

from collections.abc import Sequence

import numpy as np

from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.panels import Panel, padded
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Theme, rgba
from pipeline.research.reports import SweepReport, VariantLine

FONT = 23.0
_TRADES = (1172, 1262)


def draw_line(
    canvas: Canvas,
    theme: Theme,
    report: SweepReport,
    lines: Sequence[VariantLine],
    axis: int,
    box: Box,
) -> None:
    """Draw mean R against one parameter; values with too few trades are faint."""
    means = np.array([_value(line) for line in lines])
    errors = np.array([_error(line) for line in lines])
    shown = np.isfinite(means)
    low = float(np.min((means - errors)[shown])) if shown.any() else -1.0
    high = float(np.max((means + errors)[shown])) if shown.any() else 1.0
    low, high = padded(min(low, 0.0), max(high, 0.0), 0.1, 0.2)
    times = tuple(range(len(lines)))
    mapping = PixelMap(left=box.left, top=box.top + 20, right=int(box.right), price_low=low,
                       bottom=box.bottom - 40, times=times, price_high=high)  # fmt: skip
    panel = Panel(canvas, mapping, theme, FONT)
    panel.rows(8)
    panel.frame()
    name = report.grid.dimensions[axis].name if report.grid.dimensions else "the setup"
    panel.title(f"Mean R ± its standard error · by {name}")
    _draw_plateau(panel, report)
    _draw_points(panel, lines, means, errors)
    _draw_names(panel, report, axis)
    _draw_counts(panel, lines, report.min_trades)


def _value(line: VariantLine) -> float:
    found = None if line.metrics is None else line.metrics.expectancy_r
    return np.nan if found is None else found


def _error(line: VariantLine) -> float:
    found = None if line.metrics is None else line.metrics.expectancy_se
    return 0.0 if found is None else found


def _draw_plateau(panel: Panel, report: SweepReport) -> None:
    if report.plateau is None:
        return
    m, half = panel.mapping, panel.mapping.slot_width / 2
    for cell in report.plateau.cells:
        x = m.slot_x(cell)
        shade = rgba(panel.theme.level, 0.16)
        panel.canvas.rect(Box(x - half, m.top, x + half, m.bottom), shade, z=0.7)


def _draw_points(
    panel: Panel, lines: Sequence[VariantLine], means: np.ndarray, errors: np.ndarray
) -> None:
    c, t, m = panel.canvas, panel.theme, panel.mapping
    points = [(m.slot_x(i), m.y(v)) for i, v in enumerate(means.tolist()) if np.isfinite(v)]
    if len(points) > 1:
        c.line(points, t.muted, 2, z=2)
    cap = min(m.slot_width * 0.25, 12.0)
    for i, (line, mean, error) in enumerate(
        zip(lines, means.tolist(), errors.tolist(), strict=True)
    ):
        if not np.isfinite(mean):
            continue
        x = m.slot_x(i)
        colour = t.faint if line.score is None else t.up if mean >= 0 else t.down
        ends = (m.y(mean - error), m.y(mean + error))
        c.line([(x, ends[0]), (x, ends[1])], colour, 3, z=3)
        for y in ends:
            c.line([(x - cap, y), (x + cap, y)], colour, 3, z=3)
        c.rect(Box(x - 6, m.y(mean) - 6, x + 6, m.y(mean) + 6), colour, z=4)


def _draw_names(panel: Panel, report: SweepReport, axis: int) -> None:
    m = panel.mapping
    if not report.grid.dimensions:
        return
    dimension = report.grid.dimensions[axis]
    names = [dimension.label(i) for i in range(len(dimension.values))]
    room = max(text_width(n, FONT) for n in names) + FONT
    every = max(1, int(np.ceil(room / m.slot_width)))
    centre = report.plateau.centre if report.plateau else -1
    for i in range(0, len(names), every):
        near = i == centre
        panel.canvas.text(m.slot_x(i), m.bottom + FONT, names[i], FONT,
                          panel.theme.level if near else panel.theme.muted, bold=near,
                          anchor="center", width=m.slot_width * every)  # fmt: skip


def _draw_counts(panel: Panel, lines: Sequence[VariantLine], fewest: int) -> None:
    """Draw the number of trades of each value as bars below."""
    c, t, m = panel.canvas, panel.theme, panel.mapping
    counts = [0 if line.metrics is None else line.metrics.trades for line in lines]
    top, bottom = _TRADES
    most = max(*counts, 1) if len(counts) > 1 else max(counts[0], 1)
    c.text(m.left, top - 24, f"Trades, at most {most:,}; faint below {fewest}", FONT, t.muted)
    half = max(min(m.slot_width * 0.36, 45.0), 0.5)
    for i, number in enumerate(counts):
        x, high = m.slot_x(i), (bottom - top) * number / most
        colour = t.faint if number < fewest else t.gap_line
        c.rect(Box(x - half, bottom - high, x + half, bottom), colour, z=2)
