"""The picture of a data set's coverage: one cell a day, or a month where there are many years."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipeline.domain.report import QualityReport
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.labels import Box
from pipeline.render.theme import Theme, theme_named
from pipeline.render.words import count

WIDTH, HEIGHT, FONT = 1080, 720, 22.0
_PLOT = Box(MARGIN + 62, 284, WIDTH - MARGIN, 560)
_MOST_WEEKS = 56
_SMALL_CELL = 8.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BINS = ((0.98, "≥ 98 %"), (0.9, "≥ 90 %"), (0.5, "≥ 50 %"), (1e-9, "< 50 %"), (-1.0, "none"))


@dataclass(frozen=True, slots=True)
class Grid:
    """Where cells lie: column and row of each share, names of columns and rows."""

    cells: tuple[tuple[int, int, float], ...]
    columns: tuple[str, ...]
    rows: tuple[str, ...]


def coverage_chart(
    quality: QualityReport, *, theme: str = "tv_dark", synthetic: bool = False
) -> Picture:
    """Draw how much of each trading day is held, 1080×720; gaps stand out.

    Notes
    -----
    Up to 56 weeks are shown by day, longer data by month (the mean of its days). Days on which
    the market is closed have no cell.
    """
    return draw_coverage(quality, theme_named(theme), synthetic=synthetic).picture()


def draw_coverage(quality: QualityReport, theme: Theme, *, synthetic: bool) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    title = f"{quality.symbol} {quality.timeframe} · quality {quality.score:.0%}"
    draw_title(canvas, theme, title, _span_words(quality), FONT, synthetic=synthetic)
    _draw_counts(canvas, theme, quality)
    if quality.coverage:
        _draw_grid(canvas, theme, _grid(quality))
    else:
        middle = ((_PLOT.left + _PLOT.right) / 2, (_PLOT.top + _PLOT.bottom) / 2)
        canvas.text(*middle, "no trading days", FONT + 8, theme.muted, anchor="center")
    if synthetic:
        draw_stamp(canvas, theme, _PLOT)
    _draw_legend(canvas, theme)
    draw_foot(canvas, theme, _gap_words(quality), "", FONT)
    return canvas


def _span_words(quality: QualityReport) -> str:
    if quality.first is None or quality.last is None:
        return "no bars"
    ends = [f"{m.day} {m:%b %Y}" for m in (quality.first, quality.last)]
    return f"{count(quality.bars, 'bar')} · {ends[0]} – {ends[1]}"


def _gap_words(quality: QualityReport) -> str:
    if not quality.gaps:
        return "no gaps"
    worst = max(quality.gaps, key=lambda gap: gap.missing)
    start = worst.start
    bars = count(worst.missing, "bar")
    return f"largest gap: {bars} from {start.day} {start:%b %Y %H:%M} UTC"


def _draw_counts(canvas: Canvas, theme: Theme, quality: QualityReport) -> None:
    found = (
        ("missing", quality.missing), ("gaps", quality.gap_count),
        ("duplicates", quality.duplicates), ("impossible", quality.impossible),
        ("frozen", quality.frozen), ("spikes", quality.spikes),
    )  # fmt: skip
    wide = (WIDTH - 2 * MARGIN) / len(found)
    for i, (name, number) in enumerate(found):
        x = MARGIN + i * wide
        canvas.text(x, 152, name, FONT, theme.muted, width=wide - 12)
        colour = theme.text if number == 0 else theme.level
        canvas.text(x, 188, f"{number:,}", FONT + 8, colour, bold=True, width=wide - 12)


def _grid(quality: QualityReport) -> Grid:
    days = [(date.fromisoformat(day), share) for day, share in quality.coverage]
    first, last = min(d for d, _ in days), max(d for d, _ in days)
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    return _by_day(days, monday, weeks) if weeks <= _MOST_WEEKS else _by_month(days)


def _by_day(days: list[tuple[date, float]], monday: date, weeks: int) -> Grid:
    rows = max(5, max(day.weekday() for day, _ in days) + 1)
    cells = tuple(((d - monday).days // 7, d.weekday(), share) for d, share in days)
    first = min(day for day, _ in days)
    fridays = [max(monday + timedelta(days=7 * week + 4), first) for week in range(weeks)]
    names = [
        f"{day:%b}" if week == 0 or day.month != fridays[week - 1].month else ""
        for week, day in enumerate(fridays)
    ]
    return Grid(cells, tuple(names), _DAYS[:rows])


def _by_month(days: list[tuple[date, float]]) -> Grid:
    months: dict[tuple[int, int], list[float]] = {}
    for day, share in days:
        months.setdefault((day.year, day.month), []).append(share)
    first, last = min(months)[0], max(months)[0]
    cells = tuple((m - 1, y - first, float(np.mean(s))) for (y, m), s in sorted(months.items()))
    names = tuple(f"{date(2000, month, 1):%b}" for month in range(1, 13))
    return Grid(cells, names, tuple(str(year) for year in range(first, last + 1)))


def _draw_grid(canvas: Canvas, theme: Theme, grid: Grid) -> None:
    wide = min((_PLOT.right - _PLOT.left) / len(grid.columns), 84.0)
    tall = min((_PLOT.bottom - _PLOT.top) / len(grid.rows), 56.0)
    gap = 1.0 if min(wide, tall) < _SMALL_CELL else 3.0
    for i, (least, _) in enumerate(_BINS):
        most = _BINS[i - 1][0] if i else np.inf
        part = [(c, r) for c, r, share in grid.cells if least <= share < most]
        boxes = [
            (_PLOT.left + c * wide, _PLOT.top + r * tall, _PLOT.left + (c + 1) * wide - gap,
             _PLOT.top + (r + 1) * tall - gap)
            for c, r in part
        ]  # fmt: skip
        canvas.rects(np.array(boxes).reshape(-1, 4), theme.heat[i], z=2)
    _name_columns(canvas, theme, grid, wide)
    free = 0.0
    for row, name in enumerate(grid.rows):
        y = _PLOT.top + (row + 0.5) * tall - gap / 2
        if y - FONT * 0.6 >= free:
            canvas.text(_PLOT.left - 8, y, name, FONT, theme.muted, anchor="right")
            free = y + FONT * 0.6


def _name_columns(canvas: Canvas, theme: Theme, grid: Grid, wide: float) -> None:
    free = 0.0
    for column, name in enumerate(grid.columns):
        x = _PLOT.left + column * wide
        end = x + text_width(name, FONT)
        if name and x >= free and end <= WIDTH - MARGIN:
            canvas.text(x, _PLOT.top - 20, name, FONT, theme.muted)
            free = end + 8


def _draw_legend(canvas: Canvas, theme: Theme) -> None:
    x, y = MARGIN, 620.0
    for colour, (_, words) in zip(theme.heat, _BINS, strict=True):
        canvas.rect(Box(x, y - 13, x + 26, y + 13), colour, z=2)
        box = canvas.text(x + 36, y, words, FONT, theme.muted)
        x = box.right + 34
