"""Groups of trades as bars: the mean R of each with its interval, and how many trades it has."""

from collections.abc import Sequence

from pipeline.analysis.trade_answer import GroupFigures
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, draw_foot, draw_title
from pipeline.render.labels import Box
from pipeline.render.theme import rgba, theme_named
from pipeline.render.words import signed

WIDTH, MOST_HEIGHT, FONT = 1080, 1350, 24.0
MOST_ROWS = 27
_TOP, _FOOT, _TALLEST = 150, 70, 56


def group_bars(
    groups: Sequence[GroupFigures],
    *,
    title: str,
    subtitle: str,
    theme: str = "tv_dark",
    foot: str = "",
    synthetic: bool = False,
) -> Picture:
    """Draw a row for each group, 1080 pixels wide and at most 1350 high; the first 27 of them.

    Groups without an expectancy show their total R. Groups of too few trades are pale. The thin
    line is the 95 % interval; where it leaves the frame it is cut.
    """
    t, shown = theme_named(theme), list(groups)[:MOST_ROWS]
    row = min(_TALLEST, (MOST_HEIGHT - _TOP - _FOOT) / max(len(shown), 1))
    canvas = Canvas(WIDTH, round(_TOP + row * max(len(shown), 1) + _FOOT), t.background)
    draw_title(canvas, t, title, subtitle, FONT, synthetic=synthetic)
    left = MARGIN + max((text_width(g.label, FONT) for g in shown), default=0) + 16
    words = [_words(group) for group in shown]
    right = WIDTH - MARGIN - max((text_width(w, FONT) for w in words), default=0) - 16
    values = [_value(group) for group in shown]
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.35 * max(high - low, 1e-9)
    low, high = low - room, high + room

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    bottom = _TOP + row * len(shown)
    canvas.line([(x(0.0), _TOP), (x(0.0), bottom)], t.muted, 2, z=2)
    for number, (group, value, told) in enumerate(zip(shown, values, words, strict=True)):
        middle = _TOP + (number + 0.5) * row
        ends = sorted((x(0.0), x(value)))
        colour = t.up if value >= 0 else t.down
        box = Box(ends[0], middle - row * 0.3, max(ends[1], ends[0] + 2), middle + row * 0.3)
        canvas.rect(box, rgba(colour, 0.35) if group.too_few else colour, z=3)
        span = group.expectancy
        if span is not None and group.count > 1:
            canvas.line([(x(span.low), middle), (x(span.high), middle)], t.text, 2, z=4)
        pale = t.muted if group.too_few else t.text
        canvas.text(left - 16, middle, group.label, FONT, pale, anchor="right")
        canvas.text(WIDTH - MARGIN, middle, told, FONT, pale, anchor="right")
    mean = any(group.expectancy is not None for group in shown)
    draw_foot(canvas, t, "R of each trade, line: 95 %" if mean else "total R", foot, FONT - 2)
    return canvas.picture()


def _value(group: GroupFigures) -> float:
    return group.expectancy.value if group.expectancy is not None else group.total_r or 0.0


def _words(group: GroupFigures) -> str:
    return f"{signed(_value(group))} R · n {group.count}"
