"""The picture of a rule profile: one small panel a parameter, mean R with its interval."""

import math

import numpy as np

from pipeline.render.canvas import Canvas, Picture
from pipeline.render.frame import MARGIN, draw_foot, draw_stamp, draw_title
from pipeline.render.labels import Box
from pipeline.render.panels import Panel as Scale
from pipeline.render.panels import padded
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import Theme, theme_named
from pipeline.research.profile import GroundProfile, Panel, Point

WIDTH, HEIGHT, FONT = 1080, 1350, 22.0
_TOP, _FOOT, _GAP, _SCALE = 130.0, 60.0, 34.0, 96.0
_INSET = 28.0  # the first value's name reaches out to the left of its point
_MOST = 6
_ONE_COLUMN = 3


def profile_chart(
    ground: GroundProfile, title: str, subtitle: str, *, theme: str, run_id: str
) -> Picture:
    """Draw up to six parameters of a ground, 1080 × 1350.

    Points are mean R a trade; the bar is the 95 % interval of that value alone; below it the
    trades. The value that the setup has now is marked.
    """
    look = theme_named(theme)
    canvas = Canvas(WIDTH, HEIGHT, look.background)
    draw_title(canvas, look, title, subtitle, FONT, synthetic=ground.synthetic)
    panels = ground.panels[:_MOST]
    low, high = _reach(panels)
    for panel, box in zip(panels, _boxes(len(panels)), strict=True):
        _draw(canvas, look, panel, box, (low, high), synthetic=ground.synthetic)
    foot = "mean R a trade, 95 % of each value alone; n: trades"
    draw_foot(canvas, look, foot, run_id, FONT)
    return canvas.picture()


def _boxes(count: int) -> list[Box]:
    """Return where the panels lie: one column up to three of them, else two."""
    columns = 1 if count <= _ONE_COLUMN else 2
    rows = max(1, math.ceil(count / columns))
    wide = (WIDTH - 2 * MARGIN - _GAP * (columns - 1)) / columns
    tall = (HEIGHT - _TOP - _FOOT) / rows
    return [
        Box(MARGIN + (i % columns) * (wide + _GAP), _TOP + (i // columns) * tall,
            MARGIN + (i % columns) * (wide + _GAP) + wide, _TOP + (i // columns + 1) * tall)
        for i in range(count)
    ]  # fmt: skip


def _reach(panels: tuple[Panel, ...]) -> tuple[float, float]:
    """Return one scale for all panels, so that what moves more looks so."""
    ends = [v for panel in panels for p in panel.points for v in _ends(p)]
    return padded(min([0.0, *ends]), max([0.0, *ends]), 0.12, 0.12) if ends else (-1.0, 1.0)


def _ends(point: Point) -> tuple[float, float]:
    i = point.expectancy
    return (point.mean_r, point.mean_r) if i is None else (i.low, i.high)


def _draw(
    canvas: Canvas, theme: Theme, panel: Panel, box: Box, reach: tuple[float, float], *,
    synthetic: bool,
) -> None:  # fmt: skip
    mapping = PixelMap(
        left=int(box.left + _INSET), top=int(box.top + 2 * FONT), right=int(box.right - _SCALE),
        bottom=int(box.bottom - 3.4 * FONT), times=tuple(range(len(panel.points))),
        price_low=reach[0], price_high=reach[1],
    )  # fmt: skip
    scale = Scale(canvas, mapping, theme, FONT)
    if synthetic:
        draw_stamp(canvas, theme, Box(mapping.left, mapping.top, mapping.right, mapping.bottom))
    scale.rows(5)
    scale.frame()
    canvas.text(box.left, box.top + FONT * 0.9, panel.parameter, FONT, theme.text, bold=True,
                width=box.right - box.left)  # fmt: skip
    spots = [(mapping.slot_x(i), mapping.y(p.mean_r)) for i, p in enumerate(panel.points)]
    if len(spots) > 1:
        canvas.line(spots, theme.muted, 2, z=2)
    every = _every(len(panel.points), mapping.slot_width)
    begin = next((i for i, p in enumerate(panel.points) if p.value == panel.own), 0) % every
    for i, point in enumerate(panel.points):
        named = i % every == begin  # the value that the setup has now is always among them
        _point(scale, point, i, own=point.value == panel.own, named=named, room=every)


def _every(count: int, slot: float) -> int:
    """Return which share of the values has room for its name."""
    return max(1, math.ceil(4.2 * FONT / slot)) if count > 1 else 1


def _point(scale: Scale, point: Point, i: int, *, own: bool, named: bool, room: int) -> None:
    c, t, m = scale.canvas, scale.theme, scale.mapping
    x, y = m.slot_x(i), m.y(point.mean_r)
    low, high = _ends(point)
    colour = t.up if low > 0 else t.down if high < 0 else t.muted
    if point.expectancy is not None:
        ends = np.array([m.y(low), m.y(high)])
        c.line([(x, ends[0]), (x, ends[1])], colour, 3, z=3)
        for end in ends:
            c.line([(x - 8, end), (x + 8, end)], colour, 3, z=3)
    mark = t.level if own else colour
    c.rect(Box(x - 7, y - 7, x + 7, y + 7), mark, z=4)
    if named:
        c.text(x, m.bottom + FONT, point.value, FONT, t.level if own else t.text, bold=own,
               anchor="center", width=m.slot_width * room)  # fmt: skip
        c.text(x, m.bottom + 2.3 * FONT, f"n {point.trades:,}", FONT, t.muted, anchor="center",
               width=m.slot_width * room)  # fmt: skip
