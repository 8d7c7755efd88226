"""The picture of a walk-forward: in- against out-of-sample, what was traded, what was chosen."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.trade import Trade
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.labels import Box
from pipeline.render.panels import Panel, padded
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.words import signed, total_words
from pipeline.research.reports import WalkForwardReport

WIDTH, HEIGHT, FONT = 1080, 1350, 23.0
_BARS, _EQUITY, _DRIFT_TOP, _DRIFT_BOTTOM = (350, 620), (722, 950), 1024, 1290
_RIGHT = WIDTH - 116
_MOST_PARAMETERS = 4


def walkforward_chart(
    report: WalkForwardReport,
    trades: Sequence[Trade],
    *,
    title: str,
    subtitle: str,
    theme: str = "tv_dark",
    run_id: str = "",
) -> Picture:
    """Draw a walk-forward, 1080×1350; `trades` are those out of sample, in order of exits."""
    words = (title, subtitle, run_id)
    return draw_walkforward(report, trades, words, theme_named(theme)).picture()


def draw_walkforward(
    report: WalkForwardReport, trades: Sequence[Trade], words: tuple[str, str, str], theme: Theme
) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    title, subtitle, run_id = words
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    draw_title(canvas, theme, title, subtitle, FONT, synthetic=report.synthetic)
    if report.synthetic:
        draw_stamp(canvas, theme, Box(MARGIN, _BARS[0], _RIGHT, _EQUITY[1]))
    _draw_figures(canvas, theme, report)
    _draw_windows(canvas, theme, report)
    _draw_equity(canvas, theme, report, trades)
    _draw_drifts(canvas, theme, report)
    draw_foot(canvas, theme, "", run_id, FONT)
    return canvas


def _draw_figures(canvas: Canvas, theme: Theme, report: WalkForwardReport) -> None:
    m = report.metrics
    mean, error = m.expectancy_r, m.expectancy_se
    spread = "" if error is None else f" ± {error:.2f}"
    head = "Out of sample: no trades"
    if mean is not None:
        head = f"Out of sample: {total_words(m.total_r)} R, mean {signed(mean)}{spread} R"
    colour = theme.text if mean is None else theme.target if mean > 0 else theme.stop
    room = WIDTH - 2 * MARGIN
    canvas.text(MARGIN, 158, head, FONT + 9, colour, bold=True, width=room)
    inside = report.inside_expectancy_r
    said = "" if inside is None else f" · in sample the choices promised {signed(inside)} R"
    canvas.text(MARGIN, 210, f"{m.trades:,} trades{said}", FONT + 1, theme.text, width=room)
    pbo = "" if report.pbo is None else f" · PBO {report.pbo.pbo:.0%}"
    lengths = f"{report.inside_days} d in, {report.outside_days} d out"
    tried = f"{report.variants:,} variants{pbo} · {lengths}"
    canvas.text(MARGIN, 250, tried, FONT + 1, theme.text, width=room)


def _panel(
    canvas: Canvas, theme: Theme, rows: tuple[int, int], span: tuple[float, float], count: int
) -> Panel:
    low, high = padded(min(span[0], 0.0), max(span[1], 0.0), 0.12, 0.2)
    mapping = PixelMap(left=MARGIN, top=rows[0], right=_RIGHT, bottom=rows[1], price_low=low,
                       times=tuple(range(max(count, 1))), price_high=high)  # fmt: skip
    panel = Panel(canvas, mapping, theme, FONT)
    panel.rows(5)
    panel.frame()
    return panel


def _draw_windows(canvas: Canvas, theme: Theme, report: WalkForwardReport) -> None:
    """Draw each window's mean R, in sample (grey) and out of sample."""
    pairs = [(w.inside.expectancy_r, w.outside.expectancy_r) for w in report.windows]
    known = [v for pair in pairs for v in pair if v is not None] or [0.0]
    panel = _panel(canvas, theme, _BARS, (min(known), max(known)), len(pairs))
    panel.title("Mean R of each choice: in sample (grey), then out of sample")
    m = panel.mapping
    wide = min(m.slot_width * 0.36, 44.0)
    for i, (inside, outside) in enumerate(pairs):
        x = m.slot_x(i)
        _bar(panel, x - wide / 2 - 1, wide, inside, theme.faint)
        tint = theme.up if (outside or 0) >= 0 else theme.down
        _bar(panel, x + wide / 2 + 1, wide, outside, tint)
    names = [f"{w.window.split.day} {w.window.split:%b}" for w in report.windows]
    room = max((text_width(n, FONT) for n in names), default=0.0) + FONT * 0.6
    every = max(1, int(np.ceil(room / m.slot_width)))
    first = int(np.ceil(max(room / 2 - m.slot_x(0), 0.0) / m.slot_width))
    for i in range(first, len(names), every):
        canvas.text(m.slot_x(i), m.bottom + FONT, names[i], FONT, theme.muted, anchor="center")


def _bar(panel: Panel, x: float, wide: float, value: float | None, colour: str) -> None:
    if value is None:
        return
    m = panel.mapping
    ends = sorted((m.y(0.0), m.y(value)))
    box = Box(x - wide / 2, ends[0], x + wide / 2, max(ends[1], ends[0] + 2))
    panel.canvas.rect(box, colour, z=3)


def _draw_equity(
    canvas: Canvas, theme: Theme, report: WalkForwardReport, trades: Sequence[Trade]
) -> None:
    """Draw the running sum of R out of sample, against time from the first split on."""
    windows = report.windows
    sums = np.concatenate([[0.0], np.cumsum([t.rr for t in trades])])
    panel = _panel(canvas, theme, _EQUITY, (float(sums.min()), float(sums.max())), len(windows))
    panel.title("Out of sample, R added up")
    m = panel.mapping
    if not trades or not windows:
        canvas.text((m.left + m.right) / 2, (m.top + m.bottom) / 2, "no trades", FONT + 6,
                    theme.muted, anchor="center")  # fmt: skip
        return
    first = windows[0].window.split.toordinal()
    last = windows[-1].window.end.toordinal()
    ends = [(t.exit_time.timestamp() / 86400 + 719163 - first) / (last - first) for t in trades]
    xs = [m.left, *(m.left + min(max(e, 0.0), 1.0) * (m.right - m.left) for e in ends)]
    ys = [m.y(v) for v in sums.tolist()]
    line = np.column_stack([np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1]])
    colour = theme.target if sums[-1] >= 0 else theme.stop
    floor = np.array([(line[-1, 0], m.y(0.0)), (line[0, 0], m.y(0.0))])
    canvas.polygon(np.concatenate([line, floor]), rgba(colour, 0.12), z=1.6)
    canvas.line(line, colour, 3, z=4)


def _draw_drifts(canvas: Canvas, theme: Theme, report: WalkForwardReport) -> None:
    """Draw what was chosen in each window, a row for each parameter that has a choice."""
    found = [
        (dimension, drift)
        for dimension, drift in zip(report.grid.dimensions, report.drifts, strict=True)
        if len(dimension.values) > 1
    ][:_MOST_PARAMETERS]
    canvas.text(MARGIN, _DRIFT_TOP - 40, "What was chosen, window by window", FONT, theme.muted)
    high = (_DRIFT_BOTTOM - _DRIFT_TOP) / max(len(found), 1)
    count = max(len(report.windows), 1)
    for row, (dimension, drift) in enumerate(found):
        top = _DRIFT_TOP + row * high
        name = f"{dimension.name}, changed {drift.changes} ×"
        canvas.text(MARGIN, top + 4, name, FONT, theme.text, width=WIDTH - 2 * MARGIN)
        box = Box(MARGIN, top + 24, _RIGHT, top + high - 14)
        _draw_steps(canvas, theme, box, drift.positions, len(dimension.values), count)
        for position, y in ((len(dimension.values) - 1, box.top + 10), (0, box.bottom - 8)):
            if y == box.top + 10 or box.bottom - box.top > FONT * 2:
                canvas.text(_RIGHT + 12, y, dimension.label(position), FONT, theme.muted,
                            width=WIDTH - _RIGHT - 18)  # fmt: skip


def _draw_steps(
    canvas: Canvas,
    theme: Theme,
    box: Box,
    positions: Sequence[int | None],
    values: int,
    count: int,
) -> None:
    canvas.rect(box, theme.panel, z=0.8)
    wide = (box.right - box.left) / count
    for i, position in enumerate(positions):
        if position is None:
            continue
        y = box.bottom - 6 - (box.bottom - box.top - 12) * position / max(values - 1, 1)
        left = box.left + i * wide
        canvas.line([(left + 2, y), (left + wide - 2, y)], theme.level, 5, z=3)
