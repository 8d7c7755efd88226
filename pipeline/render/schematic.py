"""A setup as a sketch: an invented price path with the steps numbered on it, named below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.domain.market import Side
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, Badge, draw_badges, draw_foot
from pipeline.render.labels import Box, Placer, wrap_text
from pipeline.render.sketches import BREAK, RAID, Sketch
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.setups.rules import SetupSpec

WIDTH, HEIGHT, FONT = 1080, 1350, 26.0
_PLOT = Box(MARGIN, 176, WIDTH - MARGIN - 130, 800)
_LIST = Box(MARGIN, 836, WIDTH - MARGIN, 1292)


@dataclass(frozen=True, slots=True)
class Stage:
    """The sketch on the sheet, turned upside down for a short."""

    canvas: Canvas
    theme: Theme
    sketch: Sketch
    side: Side

    def at(self, x: float, price: float) -> tuple[float, float]:
        """Return the pixel of a place of the sketch, both in 0–1."""
        share = price if self.side is Side.LONG else 1 - price
        p = _PLOT
        return p.left + x * (p.right - p.left), p.bottom - share * (p.bottom - p.top)

    def box(self, x: tuple[float, float], prices: tuple[float, float]) -> Box:
        """Return the pixels of an area of the sketch."""
        left, a = self.at(x[0], prices[0])
        right, b = self.at(x[1], prices[1])
        return Box(left, min(a, b), right, max(a, b))

    def price_line(self, x: tuple[float, float], price: float, colour: str) -> None:
        """Draw a price from x to x."""
        box = self.box(x, (price, price))
        self.canvas.rect(Box(box.left, box.top - 2, box.right, box.top + 1), colour, z=3)


@dataclass(frozen=True, slots=True)
class Row:
    """One line below the sketch: its mark's number and colour, its words."""

    mark: str
    colour: str
    words: str


def schematic_chart(spec: SetupSpec, *, theme: str = "tv_dark", side: Side = Side.LONG) -> Picture:
    """Draw a setup from its rules, 1080×1350, marked SCHEMATIC: no bar in it is real."""
    steps = [(step.draw, step.title) for step in spec.steps]
    name = f"{spec.setup_id} · v{spec.rule_version}"
    orders = plan_words(spec)
    return schematic(spec.title, steps, side, orders=orders, subtitle=name, theme=theme)


def plan_words(spec: SetupSpec) -> tuple[str, str, str]:
    """Return entry, stop and target of a setup in a few words each."""
    entry = "market, at the next open"
    if spec.entry.type == "limit":
        entry = f"limit at {_reference(spec.entry.at or '')}"
    aims = [
        f"{target.tp:g} R" if target.tp is not None else _reference(target.at or "")
        for target in spec.targets
    ]
    return entry, f"behind {_reference(spec.stop.behind)}", ", then ".join(aims)


def _reference(words: str) -> str:
    """Return `gap.near` as `the gap's near edge`."""
    step, _, field = words.partition(".")
    place = {"near": "near edge", "far": "far edge", "opposite": "opposite edge"}.get(field, field)
    return f"the {step.replace('_', ' ')}'s {place.replace('_', ' ')}".strip()


def schematic(
    title: str,
    steps: Sequence[tuple[str, str]],
    side: Side = Side.LONG,
    *,
    orders: tuple[str, str, str] | None = None,
    subtitle: str = "",
    theme: str = "tv_dark",
) -> Picture:
    """Draw a sketch of steps given as (kind of drawing, title), in their order.

    Parameters
    ----------
    orders
        What is said of entry, stop and target below the steps.
    """
    words = (title, subtitle)
    return draw_schematic(words, steps, side, orders, theme_named(theme)).picture()


def draw_schematic(
    words: tuple[str, str],
    steps: Sequence[tuple[str, str]],
    side: Side,
    orders: tuple[str, str, str] | None,
    theme: Theme,
) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    sketch = RAID if any(kind == "sweep" for kind, _ in steps) else BREAK
    stage = Stage(canvas, theme, sketch, side)
    _header(stage, *words)
    canvas.outline(Box(_PLOT.left, _PLOT.top, WIDTH - MARGIN, _PLOT.bottom), theme.grid, 2)
    curve = np.array([stage.at(x, y) for x, y in sketch.curve().tolist()])
    placer = Placer(_PLOT, np.column_stack([curve - 6, curve + 6]))
    _draw_plan(stage, placer)
    _draw_steps(stage, [kind for kind, _ in steps])
    _draw_path(stage, curve)
    _draw_numbers(stage, placer, [kind for kind, _ in steps])
    _draw_list(stage, _rows(stage, [title for _, title in steps], orders))
    draw_foot(canvas, theme, "schematic: invented prices, not to scale", "", 23)
    return canvas


def _header(stage: Stage, title: str, subtitle: str) -> None:
    c, t, long = stage.canvas, stage.theme, stage.side is Side.LONG
    side = Badge("▲ LONG" if long else "▼ SHORT", t.target if long else t.stop)
    badges = [side, Badge("SCHEMATIC", t.gap_line)]
    edge = draw_badges(c, t, badges, 25, (WIDTH - MARGIN, 44))
    c.text(MARGIN, 44, title, 40, t.text, bold=True, width=edge - MARGIN - 10)
    other = "mirrored for shorts" if long else "mirrored for longs"
    words = " · ".join(part for part in (subtitle, other) if part)
    c.text(MARGIN, 102, words, FONT, t.muted, width=WIDTH - 2 * MARGIN)
    c.text(MARGIN, 146, "price over time", 22, t.faint)


def _draw_plan(stage: Stage, placer: Placer) -> None:
    """Draw the zones of stop and target with their names at the right."""
    s, t = stage.sketch, stage.theme
    span = (s.entry_x, 1.0)
    for price, colour in ((s.target, t.target), (s.stop, t.stop)):
        stage.canvas.rect(stage.box(span, (s.entry, price)), rgba(colour, 0.18), z=1)
    for words, price, colour in (
        ("Entry", s.entry, t.entry), ("Stop", s.stop, t.stop), ("Target", s.target, t.target),
    ):  # fmt: skip
        stage.price_line(span, price, colour)
        y = stage.at(0, price)[1]
        box = Box(_PLOT.right + 6, y - 21, WIDTH - MARGIN - 4, y + 21)
        stage.canvas.pill(box, colour, radius=5)
        stage.canvas.text((box.left + box.right) / 2, y, words, FONT, t.on_colour, bold=True,
                          anchor="center")  # fmt: skip
        placer.take(Box(_PLOT.left, y - 3, _PLOT.right, y + 3))
    x, y = stage.at(s.entry_x, s.entry)
    way = stage.side.sign
    points = [(x, y + 3 * way), (x - 15, y + 28 * way), (x + 15, y + 28 * way)]
    stage.canvas.polygon(points, t.entry, z=6)
    placer.take(Box(x - 15, min(y, y + 28 * way), x + 15, max(y, y + 28 * way)))


def _draw_steps(stage: Stage, kinds: Sequence[str]) -> None:
    s, t = stage.sketch, stage.theme
    low, high = s.range_prices
    if "range" in kinds:
        stage.canvas.rect(stage.box(s.range_x, s.range_prices), t.session, z=1)
        for price in (low, high):
            stage.price_line(s.range_x, price, t.session_line)
    if "sweep" in kinds or "level" in kinds:
        stage.price_line((s.range_x[0], s.level_end), s.level, t.level)
    if "sweep" in kinds:
        stage.canvas.rect(stage.box(s.sweep_x, (s.level, s.extreme)), rgba(t.mark, 0.25), z=1.2)
    if "gap" in kinds:
        stage.canvas.rect(stage.box(s.gap_x, s.gap), t.gap, z=1.5)
        stage.canvas.outline(stage.box(s.gap_x, s.gap), t.gap_line, 2, z=1.6)
    if "structure" in kinds:
        stage.price_line(s.structure_x, s.structure, t.text)
    if "pattern" in kinds:
        stage.canvas.rect(stage.box(s.pattern_x, s.pattern), t.order_block, z=1.4)
        stage.canvas.outline(stage.box(s.pattern_x, s.pattern), t.mark, 2, z=1.5)


def _draw_path(stage: Stage, points: np.ndarray) -> None:
    """Draw the path, dotted from the entry on: what is hoped for, not what happened."""
    entry = stage.at(stage.sketch.entry_x, 0)[0]
    before, after = points[points[:, 0] <= entry], points[points[:, 0] >= entry]
    stage.canvas.line(before, stage.theme.text, 5, z=4)
    stage.canvas.line(after, stage.theme.muted, 4, dash=(10, 8), z=4)


def _draw_numbers(stage: Stage, placer: Placer, kinds: Sequence[str]) -> None:
    """Put each step's number where it happens; several of one kind go to that kind's places."""
    seen: dict[str, int] = {}
    for number, kind in enumerate(kinds, start=1):
        places = stage.sketch.places.get(kind, ((0.5, 0.5),))
        turn = seen.get(kind, 0)
        seen[kind] = turn + 1
        x, y = stage.at(*places[min(turn, len(places) - 1)])
        # The first box tried is centred on the place.
        box = placer.place(x, y + 14 + 21, (42, 42), up=True)
        if box is not None:
            _number(stage, number, ((box.left + box.right) / 2, (box.top + box.bottom) / 2))


def _number(stage: Stage, number: int, at: tuple[float, float]) -> None:
    x, y = at
    stage.canvas.disc(x, y, 21, stage.theme.gap_line, z=7)
    stage.canvas.text(x, y, str(number), FONT, stage.theme.on_colour, bold=True, anchor="center")


def _rows(stage: Stage, titles: Sequence[str], orders: tuple[str, str, str] | None) -> list[Row]:
    t = stage.theme
    rows = [Row(str(i), t.gap_line, words) for i, words in enumerate(titles, start=1)]
    if orders is not None:
        marks = (("Entry", t.entry), ("Stop", t.stop), ("Target", t.target))
        pairs = zip(marks, orders, strict=True)
        rows += [Row("", colour, f"{name}: {words}") for (name, colour), words in pairs]
    return rows


def _draw_list(stage: Stage, rows: list[Row]) -> None:
    """Write what the marks mean under the sketch, in two lines where there is room."""
    c, t = stage.canvas, stage.theme
    tall = min((_LIST.bottom - _LIST.top) / max(len(rows), 1), 76.0)
    size = FONT if tall >= 1.5 * FONT else 22.0
    most = 2 if tall >= 2.5 * FONT else 1
    left, room = _LIST.left + 62, _LIST.right - _LIST.left - 62
    for i, row in enumerate(rows):
        y = _LIST.top + (i + 0.5) * tall
        c.disc(_LIST.left + 20, y, min(20.0, tall * 0.46), row.colour, z=7)
        if row.mark:
            c.text(_LIST.left + 20, y, row.mark, 22, t.on_colour, bold=True, anchor="center")
        lines = wrap_text(row.words, room, most, lambda part: text_width(part, size))
        top = y - (len(lines) - 1) * size * 0.65
        for k, line in enumerate(lines):
            c.text(left, top + k * size * 1.3, line, size, t.text, width=room)
