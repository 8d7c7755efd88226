"""The picture of two backtests side by side: figures, both equity curves, their difference."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.comparison import Comparison, FigurePair, RunFacts
from pipeline.domain.trade import Trade
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.comparison_words import NAMES, difference_words, told_apart, value_words
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.labels import Box, push_apart
from pipeline.render.panels import (
    Panel,
    draw_columns,
    long_time_ticks,
    padded,
    scale_width,
    stepped,
)
from pipeline.render.pixels import PixelMap
from pipeline.render.report_charts import Curve, curve_of
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.words import total_words

WIDTH, HEIGHT, FONT = 1080, 1350, 23.0
SHOWN = ("trades", "win_rate", "expectancy_r", "profit_factor", "total_r", "max_drawdown_r")
_TABLE, _ROW = 246, 40
_EQUITY, _DIFFERENCE = (596, 962), (1016, 1240)
_COLUMNS = (430.0, 590.0, WIDTH - MARGIN)  # right ends of A, B and the difference

Curves = tuple[Curve, Curve]


def comparison_chart(
    found: Comparison, one: Sequence[Trade], two: Sequence[Trade], *, theme: str = "tv_dark"
) -> Picture:
    """Draw two runs over one another, 1080×1350; A is the first, B the second.

    Parameters
    ----------
    one, two
        The trades that were compared.
    """
    return draw_comparison(found, (one, two), theme_named(theme)).picture()


def draw_comparison(
    found: Comparison, trades: tuple[Sequence[Trade], Sequence[Trade]], theme: Theme
) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    synthetic = found.one.synthetic or found.two.synthetic
    draw_title(canvas, theme, "Two runs compared", _subtitle(found), FONT, synthetic=synthetic)
    for i, facts in enumerate((found.one, found.two)):
        _legend(canvas, theme, i, facts)
    _table(canvas, theme, found.figures)
    curves = (curve_of(trades[0]), curve_of(trades[1]))
    apart = difference_curve(curves)
    every = [v for c in (*curves, apart) for v in (float(c.equity.min()), float(c.equity.max()))]
    tags = [total_words(float(c.equity[-1])) for c in (*curves, apart)]
    wide = max(text_width(tag, FONT, bold=True) for tag in tags) + 34
    right = WIDTH - max(scale_width(every, FONT), wide)
    if synthetic:
        draw_stamp(canvas, theme, Box(MARGIN, _EQUITY[0], right, _EQUITY[1]))
    top = _panel(canvas, theme, curves, _EQUITY, right)
    low = _panel(canvas, theme, (apart, apart), _DIFFERENCE, right)
    top.title("Equity, R")
    low.title("B − A, R")
    ticks = long_time_ticks(low.mapping, FONT) if low.mapping.times[0] > 0 else []
    for panel in (top, low):
        draw_columns(canvas, panel.mapping, ticks, theme)
    for tick in ticks:
        canvas.text(tick.at, low.mapping.bottom + FONT, tick.words, FONT, theme.muted,
                    anchor="center")  # fmt: skip
    _draw_curves(top, curves, colours(theme))
    tint = theme.target if apart.equity[-1] >= 0 else theme.stop
    _draw_curves(low, (apart,), (tint,), shade=True)
    y = _TABLE + (len(SHOWN) + 1) * _ROW
    canvas.text(MARGIN, y, _counts(found), FONT, theme.muted, width=WIDTH - 2 * MARGIN)
    runs = f"A {found.one.run_id} · B {found.two.run_id}"
    draw_foot(canvas, theme, "by exit time, UTC", runs, FONT - 1)
    return canvas


def colours(theme: Theme) -> tuple[str, str]:
    """Return the colours of A and B."""
    return theme.gap_line, theme.mark


def difference_curve(curves: Curves) -> Curve:
    """Return B's equity less A's, at every exit of either."""
    one, two = curves
    filled = [c.times[c.times > 0] for c in curves]  # a run without trades has no time
    times = np.unique(np.concatenate(filled)) if any(map(len, filled)) else np.zeros(1)
    values = _at(two, times) - _at(one, times)
    return Curve(times, values, values, values)


def _at(curve: Curve, times: np.ndarray) -> np.ndarray:
    rows = np.searchsorted(curve.times, times, side="right") - 1
    return np.where(rows < 0, 0.0, curve.equity[np.maximum(rows, 0)])


def _subtitle(found: Comparison) -> str:
    if found.shared_start is None:
        return "no day that both cover: nothing can be paired"
    return f"differences over {found.shared_start} – {found.shared_end}, with 95 % intervals"


def _legend(canvas: Canvas, theme: Theme, place: int, facts: RunFacts) -> None:
    y, colour = 148 + 42 * place, colours(theme)[place]
    canvas.disc(MARGIN + 16, y, 16, colour)
    canvas.text(MARGIN + 16, y, "AB"[place], FONT - 1, theme.on_colour, bold=True, anchor="center")
    words = f"{facts.setup_id} {facts.rule_version} · {facts.symbol} {facts.timeframe}"
    period = canvas.text(
        WIDTH - MARGIN, y, f"{facts.start} – {facts.end}", FONT, theme.muted, anchor="right"
    )
    left = MARGIN + 46
    canvas.text(left, y, words, FONT + 1, theme.text, width=period.left - left - 14)


def _table(canvas: Canvas, theme: Theme, figures: Sequence[FigurePair]) -> None:
    """Write the figures: name, A, B, B − A with its interval."""
    heads = zip(("A", "B", "B − A (95 %)"), _COLUMNS, (*colours(theme), theme.muted), strict=True)
    for words, right, colour in heads:
        canvas.text(right, _TABLE, words, FONT, colour, bold=True, anchor="right")
    by_name = {pair.name: pair for pair in figures}
    for i, name in enumerate(SHOWN):
        y, pair = _TABLE + (i + 1) * _ROW, by_name[name]
        canvas.rect(Box(MARGIN, y - _ROW / 2, WIDTH - MARGIN, y - _ROW / 2 + 1), theme.grid)
        canvas.text(MARGIN, y, NAMES[name], FONT, theme.muted, width=270)
        for right, value in zip(_COLUMNS, (pair.one, pair.two), strict=False):
            words = value_words(pair, value)
            canvas.text(right, y, words, FONT, theme.text, bold=True, anchor="right", width=150)
        colour = theme.text
        if pair.difference is not None and told_apart(pair.difference) and name != "trades":
            colour = theme.target if pair.difference.value > 0 else theme.stop
        canvas.text(_COLUMNS[2], y, difference_words(pair), FONT, colour, anchor="right",
                    width=_COLUMNS[2] - _COLUMNS[1] - 30)  # fmt: skip


def _panel(
    canvas: Canvas, theme: Theme, curves: Curves, rows: tuple[int, int], right: float
) -> Panel:
    low = min(float(c.equity.min()) for c in curves)
    high = max(float(c.equity.max()) for c in curves)
    low, high = padded(min(low, 0.0), max(high, 0.0), 0.12, 1.0)
    known = [c.times for c in curves if c.times[0] > 0] or [np.zeros(1)]
    begun, ended = min(t[0] for t in known), max(t[-1] for t in known)
    span = max(float(ended - begun), 3600.0)
    mapping = PixelMap(left=MARGIN, top=rows[0], right=int(right), bottom=rows[1], stepped=False,
                       times=(int(begun - 0.02 * span), int(begun + 1.02 * span)),
                       price_low=low, price_high=high)  # fmt: skip
    return Panel(canvas, mapping, theme, FONT)


def _draw_curves(
    panel: Panel, curves: Sequence[Curve], tints: Sequence[str], *, shade: bool = False
) -> None:
    """Draw curves with their last values at the scale; its numbers stand where there is room."""
    c, m = panel.canvas, panel.mapping
    ends = [m.y(float(curve.equity[-1])) for curve in curves]
    tall = FONT * 1.5
    places = push_apart(ends, tall + 2, m.top, m.bottom)
    boxes = []
    for curve, y in zip(curves, places, strict=True):
        wide = text_width(total_words(float(curve.equity[-1])), FONT, bold=True) + 20
        boxes.append(Box(m.right + 4, y - tall / 2, m.right + 4 + wide, y + tall / 2))
    panel.rows(6, *boxes)
    panel.frame()
    for curve, tint, box, end in zip(curves, tints, boxes, ends, strict=True):
        x = m.left
        if len(curve.times) > 1:
            line = stepped(m, curve.times, curve.equity)
            if shade:
                floor = np.array([(line[-1, 0], m.y(0.0)), (line[0, 0], m.y(0.0))])
                c.polygon(np.concatenate([line, floor]), rgba(tint, 0.15), z=1.5)
            c.line(line, tint, 4, z=4)
            x = float(line[-1, 0])
        c.line([(x, end), (m.right, end)], tint, 2, dash=(3, 5), z=3)
        c.pill(box, tint, radius=4)
        c.text((box.left + box.right) / 2, (box.top + box.bottom) / 2,
               total_words(float(curve.equity[-1])), FONT, panel.theme.on_colour, bold=True,
               anchor="center")  # fmt: skip


def _counts(found: Comparison) -> str:
    if not found.matched:
        return "Different symbols: no trade of one can be one of the other"
    return (
        f"Trades: {found.shared:,} in both, {len(found.only_one):,} only in A, "
        f"{len(found.only_two):,} only in B"
    )
