"""The picture of a sweep: the map of two parameters or the line of one, the plateau marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.render.canvas import Canvas, Picture
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.heat import Drawn, Field, draw_field, draw_scale, label_width, shade
from pipeline.render.labels import Box
from pipeline.render.sweep_line import draw_line
from pipeline.render.theme import Theme, theme_named
from pipeline.render.words import signed, total_words
from pipeline.research.grid import Grid
from pipeline.research.reports import SweepReport, VariantLine

WIDTH, HEIGHT, FONT = 1080, 1350, 23.0
_TOP, _BOTTOM, _BOTTOM_SMALL = 372, 1100, 906
_SMALL = (982, 1130)
_MOST_SMALL = 6
SCORE_NAMES = {"t": "t (mean R / its error)", "expectancy": "mean R", "total": "total R"}


@dataclass(frozen=True)
class Slice:
    """Two axes of a grid with all others fixed at the chosen cell."""

    grid: Grid
    down: int
    across: int
    fixed: tuple[int, ...]

    def index(self, row: int, column: int, moved: tuple[int, int] | None = None) -> int:
        """Return a cell's variant; `moved` sets one further axis elsewhere."""
        cell = list(self.fixed)
        if moved is not None:
            cell[moved[0]] = moved[1]
        cell[self.down], cell[self.across] = row, column
        return self.grid.index(cell)


def sweep_chart(
    report: SweepReport,
    lines: Sequence[VariantLine],
    *,
    title: str,
    subtitle: str,
    theme: str = "tv_dark",
    run_id: str = "",
) -> Picture:
    """Draw a sweep, 1080×1350.

    Notes
    -----
    With more than two parameters the two that move the score most are shown, the others at their
    chosen values; a third with few values is shown in small maps below.
    """
    return draw_sweep(report, lines, (title, subtitle, run_id), theme_named(theme)).picture()


def draw_sweep(
    report: SweepReport, lines: Sequence[VariantLine], words: tuple[str, str, str], theme: Theme
) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    title, subtitle, run_id = words
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    draw_title(canvas, theme, title, subtitle, FONT, synthetic=report.synthetic)
    _draw_figures(canvas, theme, report)
    if report.synthetic:
        draw_stamp(canvas, theme, Box(MARGIN, _TOP, WIDTH - MARGIN, _BOTTOM))
    wide = [i for i, n in enumerate(report.grid.shape) if n > 1]
    if len(wide) < 2:  # noqa: PLR2004
        axis = wide[0] if wide else 0
        draw_line(canvas, theme, report, lines, axis, Box(MARGIN, _TOP, WIDTH - 120, _BOTTOM))
    else:
        _draw_map(canvas, theme, report, lines, wide)
    draw_foot(canvas, theme, "net of costs · in sample", run_id, FONT)
    return canvas


def _draw_figures(canvas: Canvas, theme: Theme, report: SweepReport) -> None:
    """Write what was chosen and what it is worth, in four lines."""
    room = WIDTH - 2 * MARGIN
    chosen = report.chosen
    y = 158.0
    head = "No variant has enough trades" if chosen is None else f"Plateau: {chosen.label}"
    canvas.text(MARGIN, y, head, FONT + 7, theme.level, bold=True, width=room)
    for i, line in enumerate(_lines(report)):
        canvas.text(MARGIN, y + 48 + 40 * i, line, FONT + 1, theme.text, width=room)


def _lines(report: SweepReport) -> list[str]:
    tried = f"{report.variants:,} variants"
    if report.failed:
        tried += f", {report.failed} failed"
    if report.pbo is not None:
        tried += f" · PBO {report.pbo.pbo:.0%}"
    if report.standing is not None and report.standing.deflated is not None:
        tried += f" · deflated Sharpe {report.standing.deflated:.0%}"
    if report.chosen is None or report.plateau is None:
        return [f"fewer than {report.min_trades} trades everywhere", tried]
    best = report.best
    lines = [_figures_of(report.chosen)]
    if best is not None and best.index != report.chosen.index:
        alone = " (stands alone)" if report.plateau.best_stands_alone else ""
        lines.append(f"Best cell{alone}: {_mean(best)} R at {best.label}")
    else:
        lines.append("It is the best single cell as well")
    return [*lines, tried]


def _figures_of(line: VariantLine) -> str:
    m = line.metrics
    if m is None or m.expectancy_r is None:
        return "no trades"
    error = "" if m.expectancy_se is None else f" ± {m.expectancy_se:.2f}"
    return (
        f"{m.trades:,} trades, mean {signed(m.expectancy_r)}{error} R, {total_words(m.total_r)} R"
    )


def spread_of(grid: Grid, scores: np.ndarray, axis: int) -> float:
    """Return how much the mean score moves along an axis: its standard deviation."""
    cells = scores.reshape(grid.shape)
    others = tuple(i for i in range(len(grid.shape)) if i != axis)
    usable = np.isfinite(cells)
    count = usable.sum(axis=others)
    total = np.where(usable, cells, 0.0).sum(axis=others)
    means = total[count > 0] / count[count > 0]
    return float(np.std(means)) if len(means) > 1 else 0.0


def _draw_map(
    canvas: Canvas,
    theme: Theme,
    report: SweepReport,
    lines: Sequence[VariantLine],
    wide: list[int],
) -> None:
    grid = report.grid
    scores = np.array([np.nan if v.score is None else v.score for v in lines])
    ranked = sorted(wide, key=lambda axis: -spread_of(grid, scores, axis))
    # More values go across: a phone is read in columns of figures, names of rows need room.
    down, across = sorted(ranked[:2], key=lambda axis: (grid.shape[axis], axis))
    chosen = report.plateau.centre if report.plateau else 0
    cut = Slice(grid, down, across, grid.cell(chosen))
    small = ranked[2] if len(ranked) > 2 else None  # noqa: PLR2004
    full = max(float(np.nanmax(np.abs(scores))) if np.isfinite(scores).any() else 1.0, 1e-9)
    names = [grid.dimensions[down].label(i) for i in range(grid.shape[down])]
    left = MARGIN + label_width(names, FONT)
    bottom = _BOTTOM if small is None else _BOTTOM_SMALL
    box = Box(round(left), _TOP + 4, WIDTH - MARGIN, bottom - 70)
    drawn = draw_field(canvas, theme, _field(cut, lines, scores, full), box, FONT)
    canvas.text(MARGIN, _TOP - 26, _axis_words(cut, ranked), FONT, theme.muted,
                width=WIDTH - 2 * MARGIN)  # fmt: skip
    x = (box.left + box.right) / 2
    canvas.text(x, box.bottom + FONT * 2.4, f"{grid.dimensions[across].name} →", FONT, theme.muted,
                anchor="center")  # fmt: skip
    _mark(canvas, theme, report, cut, drawn)
    if small is not None:
        _draw_small(canvas, theme, report, cut, small, scores, full)
    name = SCORE_NAMES[report.by]
    draw_scale(canvas, theme, full, (name, signed(-full), signed(full)), (MARGIN, 1180), FONT)
    _draw_key(canvas, theme, 380, 1180)


def _axis_words(cut: Slice, ranked: list[int]) -> str:
    grid = cut.grid
    words = f"↓ {grid.dimensions[cut.down].name}"
    rest = [a for a in ranked if a not in (cut.down, cut.across)]
    held = [f"{grid.dimensions[a].name}={grid.dimensions[a].label(cut.fixed[a])}" for a in rest]
    return f"{words} · at {' '.join(held)}" if held else words


def _field(cut: Slice, lines: Sequence[VariantLine], scores: np.ndarray, full: float) -> Field:
    grid = cut.grid
    rows, columns = grid.shape[cut.down], grid.shape[cut.across]
    places = [[cut.index(r, c) for c in range(columns)] for r in range(rows)]
    return Field(
        values=np.array([[scores[i] for i in row] for row in places]),
        words=[[_mean(lines[i]) for i in row] for row in places],
        more=[[_count(lines[i]) for i in row] for row in places],
        rows=[grid.dimensions[cut.down].label(i) for i in range(rows)],
        columns=[grid.dimensions[cut.across].label(i) for i in range(columns)],
        full=full,
    )


def _mean(line: VariantLine) -> str:
    m = line.metrics
    return "" if m is None or m.expectancy_r is None else signed(m.expectancy_r)


def _count(line: VariantLine) -> str:
    return "" if line.metrics is None else f"n {line.metrics.trades:,}"


def _mark(canvas: Canvas, theme: Theme, report: SweepReport, cut: Slice, drawn: Drawn) -> None:
    """Outline the plateau's cells, its centre, the best cell, and the file's own."""
    if report.plateau is None:
        return
    cells = set(report.plateau.cells)
    own = None if report.own is None else report.own.index
    for row in range(drawn.rows):
        for column in range(drawn.columns):
            index, box = cut.index(row, column), drawn.cell(row, column)
            if index == own:
                canvas.outline(Box(box.left + 5, box.top + 5, box.right - 5, box.bottom - 5),
                               theme.muted, 2, z=3)  # fmt: skip
            if index in cells:
                canvas.outline(box, theme.level, 2, z=3)
            if index == report.plateau.best:
                canvas.outline(box, theme.text, 4, z=3.5)
            if index == report.plateau.centre:
                canvas.outline(box, theme.level, 6, z=4)


def _draw_key(canvas: Canvas, theme: Theme, x: float, y: float) -> None:
    """Say what the outlines mean."""
    rows = (
        (theme.level, 6.0, "centre of the plateau"), (theme.level, 2.0, "the plateau"),
        (theme.text, 4.0, "best single cell"), (theme.muted, 2.0, "the file's own"),
    )  # fmt: skip
    for i, (colour, width, words) in enumerate(rows):
        left, top = x + (i % 2) * 340, y + (i // 2) * 42
        canvas.outline(Box(left, top - 13, left + 30, top + 13), colour, width, z=4)
        canvas.text(left + 42, top, words, FONT, theme.muted)


def _draw_small(
    canvas: Canvas,
    theme: Theme,
    report: SweepReport,
    cut: Slice,
    axis: int,
    scores: np.ndarray,
    full: float,
) -> None:
    """Draw the same map at other values of a third parameter, without figures."""
    grid = cut.grid
    picked = _picked(grid.shape[axis], cut.fixed[axis])
    gap = 14.0
    wide = (WIDTH - 2 * MARGIN - gap * (len(picked) - 1)) / len(picked)
    top, bottom = _SMALL
    canvas.text(MARGIN, top - 62, f"The same at other {grid.dimensions[axis].name}:", FONT,
                theme.muted)  # fmt: skip
    for i, position in enumerate(picked):
        left = MARGIN + i * (wide + gap)
        drawn = Drawn(Box(left, top, left + wide, bottom), grid.shape[cut.down],
                      grid.shape[cut.across])  # fmt: skip
        boxes = [
            (drawn.cell(r, c), scores[cut.index(r, c, (axis, position))])
            for r in range(drawn.rows)
            for c in range(drawn.columns)
        ]
        for cell, value in boxes:
            canvas.rect(cell, shade(theme, float(value), full), z=1)
        here = position == cut.fixed[axis] and report.plateau is not None
        name = grid.dimensions[axis].label(position)
        canvas.text(left + wide / 2, top - 22, name, FONT, theme.level if here else theme.text,
                    bold=here, anchor="center", width=wide)  # fmt: skip


def _picked(count: int, chosen: int) -> list[int]:
    """Return at most six positions, evenly spread, the chosen one among them."""
    if count <= _MOST_SMALL:
        return list(range(count))
    even = np.linspace(0, count - 1, _MOST_SMALL).round().astype(int).tolist()
    nearest = min(range(_MOST_SMALL), key=lambda i: abs(even[i] - chosen))
    even[nearest] = chosen
    return sorted(set(even))
