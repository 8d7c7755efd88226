"""The picture of a batch: mean R of each test, setups and symbols against periods."""

from collections.abc import Sequence

import numpy as np

from pipeline.render.canvas import Canvas, Picture
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.heat import Field, draw_field, draw_scale, label_width
from pipeline.render.labels import Box
from pipeline.render.theme import Theme, theme_named
from pipeline.render.words import signed
from pipeline.research.reports import BatchReport, BatchTest

WIDTH, HEIGHT, FONT = 1080, 1350, 23.0
_TOP, _BOTTOM = 232, 1130
_MOST_ROWS, _MOST_COLUMNS = 24, 14
FULL = 0.5  # R at which a colour is strongest


def batch_chart(
    report: BatchReport, *, title: str, subtitle: str, theme: str = "tv_dark", run_id: str = ""
) -> Picture:
    """Draw a batch, 1080×1350; of more than 24 rows or 14 columns the first are shown."""
    return draw_batch(report, (title, subtitle, run_id), theme_named(theme)).picture()


def draw_batch(report: BatchReport, words: tuple[str, str, str], theme: Theme) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    title, subtitle, run_id = words
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    draw_title(canvas, theme, title, subtitle, FONT, synthetic=report.synthetic)
    rows, columns, cells = _laid_out(report.tests)
    shown = f"{len(report.tests):,} tests, {report.failed} failed"
    cut = len(rows) > _MOST_ROWS or len(columns) > _MOST_COLUMNS
    note = " · not all fit here, the table has them" if cut else ""
    canvas.text(MARGIN, 156, f"{shown}{note}", FONT + 1, theme.text, width=WIDTH - 2 * MARGIN)
    rows, columns = rows[:_MOST_ROWS], columns[:_MOST_COLUMNS]
    box = Box(round(MARGIN + label_width(rows, FONT, 420)), _TOP, WIDTH - MARGIN,
              min(_BOTTOM, _TOP + 140 * len(rows)))  # fmt: skip
    if report.synthetic:
        draw_stamp(canvas, theme, Box(MARGIN, _TOP, WIDTH - MARGIN, _BOTTOM))
    draw_field(canvas, theme, _field(rows, columns, cells), box, FONT)
    draw_scale(canvas, theme, FULL, ("mean R a trade", signed(-FULL), signed(FULL)),
               (MARGIN, 1210), FONT)  # fmt: skip
    canvas.text(MARGIN + 350, 1250, "struck through: no trades, or failed", FONT, theme.muted)
    draw_foot(canvas, theme, "net of costs", run_id, FONT)
    return canvas


Cells = dict[tuple[str, str], BatchTest]


def _laid_out(tests: Sequence[BatchTest]) -> tuple[list[str], list[str], Cells]:
    """Return names of rows and columns and the test in each cell.

    Several periods are columns; with one period the symbols are.
    """
    periods = {(t.start, t.end) for t in tests}
    found: Cells = {}
    for t in tests:
        what = f"{t.setup_id} {t.timeframe}"
        if len(periods) > 1:
            row, column = f"{what} {t.symbol}", _period(t)
        else:
            row, column = what, t.symbol
        found[row, column] = t
    rows, columns = (list(dict.fromkeys(key[i] for key in found)) for i in (0, 1))
    return rows, columns, found


def _period(t: BatchTest) -> str:
    """Return a period as short as it can be told: a year, a month, or its first day."""
    if (t.start.month, t.start.day, t.end.month, t.end.day) == (1, 1, 12, 31):
        same = t.start.year == t.end.year
        return f"{t.start.year}" if same else f"{t.start.year}–{t.end.year}"
    if t.start.day == 1 and (t.end - t.start).days <= 31:  # noqa: PLR2004
        return f"{t.start:%Y-%m}"
    return f"{t.start}"


def _field(rows: list[str], columns: list[str], cells: Cells) -> Field:
    tests = [[cells.get((row, column)) for column in columns] for row in rows]
    return Field(
        values=np.array([[_mean(t) for t in row] for row in tests]).reshape(len(rows), -1),
        words=[["" if np.isnan(_mean(t)) else signed(_mean(t)) for t in row] for row in tests],
        more=[[_count(t) for t in row] for row in tests],
        rows=rows,
        columns=columns,
        full=FULL,
    )


def _mean(t: BatchTest | None) -> float:
    found = None if t is None or t.metrics is None else t.metrics.expectancy_r
    return np.nan if found is None else found


def _count(t: BatchTest | None) -> str:
    return "" if t is None or t.metrics is None else f"n {t.metrics.trades:,}"
