"""The funnel of a setup as a picture: how far the days got, and where the cases fell away."""

from collections.abc import Sequence

from pipeline.domain.signal import FunnelStep
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, draw_foot, draw_title
from pipeline.render.labels import Box
from pipeline.render.theme import Theme, rgba, theme_named

WIDTH, FONT = 1080, 24.0
_TOP, _ROW, _LINE = 150.0, 76.0, 34.0
_MOST_REASONS = 3
_NUMBERS = 300.0


def funnel_chart(
    funnel: Sequence[FunnelStep],
    days: int,
    *,
    title: str,
    subtitle: str,
    theme: str = "tv_dark",
    foot: str = "",
    synthetic: bool = False,
) -> Picture:
    """Draw one bar a step, as long as its share of the days, with the commonest losses below.

    Parameters
    ----------
    days
        Trading days looked at; a step's cases are given per day of them.
    """
    t = theme_named(theme)
    heights = [_ROW + _LINE * min(len(s.lost), _MOST_REASONS) + 14 for s in funnel]
    canvas = Canvas(WIDTH, int(_TOP + 40 + sum(heights) + 70), t.background)
    draw_title(canvas, t, title, subtitle, FONT, synthetic=synthetic)
    _heads(canvas, t)
    y = _TOP + 40
    for step, height in zip(funnel, heights, strict=True):
        _draw_step(canvas, t, step, days, y)
        y += height
    draw_foot(canvas, t, f"{days} trading days", foot, FONT - 2)
    return canvas.picture()


def _heads(canvas: Canvas, theme: Theme) -> None:
    right = WIDTH - MARGIN
    canvas.text(right, _TOP, "cases a day", FONT - 2, theme.muted, anchor="right")
    canvas.text(right - 170, _TOP, "days", FONT - 2, theme.muted, anchor="right")


def _draw_step(canvas: Canvas, theme: Theme, step: FunnelStep, days: int, y: float) -> None:
    full = WIDTH - MARGIN - _NUMBERS
    share = min(step.days / days, 1.0) if days else 0.0
    right = WIDTH - MARGIN
    canvas.text(MARGIN, y + 14, step.title, FONT, theme.text, bold=True, width=full - MARGIN)
    bar = Box(MARGIN, y + 36, full, y + 58)
    canvas.rect(bar, theme.grid, z=1)
    if share > 0:
        canvas.rect(Box(MARGIN, y + 36, MARGIN + max(share * (full - MARGIN), 3), y + 58),
                    theme.target, z=2)  # fmt: skip
    canvas.text(right - 170, y + 47, str(step.days), FONT, theme.text, anchor="right")
    rate = f"{step.cases / days:.2f}" if days else "0"
    canvas.text(right, y + 47, rate, FONT, theme.text, anchor="right")
    for n, (why, lost) in enumerate(list(step.lost.items())[:_MOST_REASONS]):
        _draw_reason(canvas, theme, (why, lost), y + _ROW + 4 + n * _LINE)


def _draw_reason(canvas: Canvas, theme: Theme, reason: tuple[str, int], y: float) -> None:
    words = f"− {reason[1]}"
    canvas.text(MARGIN + 24, y, words, FONT - 2, theme.stop)
    start = MARGIN + 24 + max(text_width(words, FONT - 2), 70) + 14
    colour = rgba(theme.text, 0.75)
    canvas.text(start, y, reason[0], FONT - 2, colour, width=WIDTH - MARGIN - start)
