"""The picture of a backtest: equity in R, drawdown, months, and the figures that matter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.domain.report import Interval, Metrics, Robustness
from pipeline.domain.trade import Trade
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.labels import Box
from pipeline.render.months import draw_months
from pipeline.render.panels import (
    Panel,
    draw_columns,
    long_time_ticks,
    padded,
    scale_width,
    stepped,
)
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.words import count, signed_r, total_words

WIDTH, HEIGHT, FONT = 1080, 1350, 23.0
_EQUITY, _DRAWDOWN, _MONTHS = (346, 778), (826, 984), (1070, 1248)


@dataclass(frozen=True, slots=True)
class Curve:
    """Sums of R after each trade, in order of exits; row 0 is before the first."""

    times: np.ndarray
    equity: np.ndarray
    worst: np.ndarray
    best: np.ndarray

    @property
    def drawdown(self) -> np.ndarray:
        """Distance to the highest equity so far, ≤ 0."""
        return np.asarray(self.equity - np.maximum.accumulate(self.equity))


def curve_of(trades: Sequence[Trade]) -> Curve:
    """Return the equity curve of trades in any order."""
    ordered = sorted(trades, key=lambda t: (t.exit_time, t.trade_id))
    first = min((t.entry_time for t in trades), default=None)
    times = [first.timestamp(), *(t.exit_time.timestamp() for t in ordered)] if first else [0.0]
    rows = [[t.rr, t.rr_worst, t.rr_best] for t in ordered]
    sums = np.cumsum(np.array([[0.0, 0.0, 0.0], *rows]), axis=0)
    return Curve(np.array(times), sums[:, 0], sums[:, 1], sums[:, 2])


def equity_chart(
    trades: Sequence[Trade],
    metrics: Metrics,
    *,
    title: str,
    currency: str,
    subtitle: str = "",
    theme: str = "tv_dark",
    run_id: str = "",
    synthetic: bool = False,
    robustness: Robustness | None = None,
) -> Picture:
    """Draw equity, drawdown and months of any number of trades, 1080×1350.

    Notes
    -----
    The band around the curve is where it would lie if every ambiguous bar had gone the worst or
    the best way. No trades give the figures over empty panels.
    """
    canvas, mapping = draw_equity(
        trades,
        metrics,
        (title, subtitle, currency, run_id),
        theme_named(theme),
        synthetic=synthetic,
        robustness=robustness,
    )
    return canvas.picture(mapping)


def draw_equity(
    trades: Sequence[Trade],
    metrics: Metrics,
    words: tuple[str, str, str, str],
    theme: Theme,
    *,
    synthetic: bool,
    robustness: Robustness | None = None,
) -> tuple[Canvas, PixelMap]:
    """Return the finished drawing before it becomes a PNG."""
    title, subtitle, currency, run_id = words
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    draw_title(canvas, theme, title, subtitle, FONT, synthetic=synthetic)
    _draw_figures(canvas, theme, metrics, currency, robustness)
    curve = curve_of(trades)
    months = [month.rr for month in metrics.months]
    every = [*curve.best.tolist(), *curve.worst.tolist(), *months]
    right = WIDTH - max(scale_width(every, FONT), text_width(_last(curve), FONT, bold=True) + 34)
    top = _panel(canvas, theme, curve, _EQUITY, right)
    if synthetic:
        draw_stamp(canvas, theme, Box(MARGIN, _EQUITY[0], right, _EQUITY[1]))
    low = _panel(canvas, theme, curve, _DRAWDOWN, right, drawdown=True)
    low.title(_drawdown_words(curve, robustness))
    _draw_times(canvas, theme, (top, low))
    _draw_equity_line(top, curve, len(trades))
    _draw_drawdown(low, curve)
    draw_months(canvas, theme, metrics.months, Box(MARGIN, _MONTHS[0], right, _MONTHS[1]), FONT)
    note = f"band: {count(metrics.ambiguous, 'ambiguous trade')} at worst / best"
    draw_foot(canvas, theme, note if metrics.ambiguous else "by exit time, UTC", run_id, FONT)
    return canvas, top.mapping


def _panel(
    canvas: Canvas,
    theme: Theme,
    curve: Curve,
    rows: tuple[int, int],
    right: float,
    *,
    drawdown: bool = False,
) -> Panel:
    if drawdown:
        low, high = padded(float(curve.drawdown.min()), 0.0, 0.0, 1.0)
        low, high = low * 1.15 - high, 0.0
    else:
        low, high = float(curve.worst.min()), float(curve.best.max())
        low, high = padded(min(low, 0.0), max(high, 0.0), 0.09, 1.0)
    span = max(float(curve.times[-1] - curve.times[0]), 3600.0)
    first, last = curve.times[0] - 0.02 * span, curve.times[0] + 1.02 * span
    mapping = PixelMap(left=MARGIN, top=rows[0], right=int(right), bottom=rows[1], stepped=False,
                       times=(int(first), int(last)), price_low=low, price_high=high)  # fmt: skip
    panel = Panel(canvas, mapping, theme, FONT)
    panel.rows(4 if drawdown else 8, *([] if drawdown else [_last_box(panel, curve)]))
    panel.frame()
    if not drawdown:
        panel.title("Equity, R")
    return panel


def _drawdown_words(curve: Curve, robustness: Robustness | None) -> str:
    deepest = total_words(float(curve.drawdown.min()))
    told = f"Drawdown, R · deepest {deepest}"
    luck = robustness.drawdown_r if robustness else None
    if luck is None:
        return told
    usual, rare = total_words(-luck.median), total_words(-luck.high)
    return f"{told} · in other orders {usual}, 1 in 20 {rare}"


def _draw_times(canvas: Canvas, theme: Theme, panels: tuple[Panel, Panel]) -> None:
    below = panels[1].mapping
    ticks = long_time_ticks(below, FONT) if below.times[0] > 0 else []
    for panel in panels:
        draw_columns(canvas, panel.mapping, ticks, theme)
    for tick in ticks:
        canvas.text(tick.at, below.bottom + FONT, tick.words, FONT, theme.muted, anchor="center")


def _draw_equity_line(panel: Panel, curve: Curve, trades: int) -> None:
    c, t, m = panel.canvas, panel.theme, panel.mapping
    if not trades:
        c.text((m.left + m.right) / 2, (m.top + m.bottom) / 2, "no trades", FONT + 10, t.muted,
               anchor="center")  # fmt: skip
        return
    banded = bool((curve.best > curve.worst).any())
    if banded:
        best, worst = (stepped(m, curve.times, v) for v in (curve.best, curve.worst))
        c.polygon(np.concatenate([best, worst[::-1]]), rgba(t.gap_line, 0.16), z=1.5)
    line = stepped(m, curve.times, curve.equity)
    colour = t.target if curve.equity[-1] >= 0 else t.stop
    if not banded:
        floor = np.array([(line[-1, 0], m.y(0.0)), (line[0, 0], m.y(0.0))])
        c.polygon(np.concatenate([line, floor]), rgba(colour, 0.12), z=1.6)
    c.line(line, colour, 3, z=4)
    y = m.y(float(curve.equity[-1]))
    x = float(line[-1, 0])
    c.line([(x, y), (m.right, y)], colour, 2, dash=(3, 5), z=3)
    box = _last_box(panel, curve)
    c.pill(box, colour, radius=4)
    c.text((box.left + box.right) / 2, y, _last(curve), FONT, t.on_colour, bold=True,
           anchor="center")  # fmt: skip


def _last(curve: Curve) -> str:
    return total_words(float(curve.equity[-1]))


def _last_box(panel: Panel, curve: Curve) -> Box:
    """Return where the tag of the last equity stands at the scale."""
    y = panel.mapping.y(float(curve.equity[-1]))
    left = panel.mapping.right + 4
    return Box(left, y - FONT * 0.75, left + 20 + text_width(_last(curve), FONT, bold=True),
               y + FONT * 0.75)  # fmt: skip


def _draw_drawdown(panel: Panel, curve: Curve) -> None:
    t, m = panel.theme, panel.mapping
    if len(curve.times) == 1:
        return
    line = stepped(m, curve.times, curve.drawdown)
    floor = np.array([(line[-1, 0], m.top), (line[0, 0], m.top)])
    panel.canvas.polygon(np.concatenate([line, floor]), rgba(t.stop, 0.30), z=1.5)
    panel.canvas.line(line, t.stop, 3, z=3)


def _draw_figures(
    canvas: Canvas, theme: Theme, metrics: Metrics, currency: str, robustness: Robustness | None
) -> None:
    """Write six figures in two rows."""
    wide = (canvas.width - 2 * MARGIN) / 3
    for i, (name, value, colour) in enumerate(_figures(theme, metrics, currency, robustness)):
        x, y = MARGIN + (i % 3) * wide, 152 + (i // 3) * 90
        canvas.text(x, y, name, FONT, theme.muted, width=wide - 16)
        canvas.text(x, y + 36, value, FONT + 9, colour, bold=True, width=wide - 16)


def _figures(
    theme: Theme, m: Metrics, currency: str, robustness: Robustness | None
) -> list[tuple[str, str, str]]:
    def tint(value: float) -> str:
        return theme.target if value > 0 else theme.stop if value < 0 else theme.text

    win, mean = m.win_rate, m.expectancy_r
    each = robustness.expectancy_r if robustness else None
    factors = robustness.profit_factor if robustness else None
    sure = "Win rate" if win is None else f"Win rate ({win.low:.0%} to {win.high:.0%})"
    factor = "–" if m.profit_factor is None else f"{m.profit_factor:.2f}"
    return [
        ("Total, net of costs", f"{total_words(m.total_r)} R", tint(m.total_r)),
        (sure, "–" if win is None else f"{win.value:.0%}", theme.text),
        ("Trades", f"{m.trades:,}", theme.text),
        (f"Mean{_around(each, '+.2f')}" if each else "Mean per trade",
         "–" if mean is None else signed_r(mean), tint(mean or 0)),
        (f"Profit factor{_around(factors, '.2f')}", factor, theme.text),
        (f"Profit, {currency}" if currency else "Profit", f"{m.total_pnl:+,.2f}".replace("-", "−"),
         tint(m.total_pnl)),
    ]  # fmt: skip


def _around(interval: Interval | None, digits: str) -> str:
    if interval is None:
        return ""
    return f" ({interval.low:{digits}} to {interval.high:{digits}})".replace("-", "−")
