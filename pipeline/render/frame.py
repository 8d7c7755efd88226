"""What all pictures have around them: title lines, badges, stamp, the faint line below."""

from dataclasses import dataclass

from pipeline.render.canvas import Canvas, text_width
from pipeline.render.labels import Box
from pipeline.render.theme import Theme

MARGIN = 22.0


@dataclass(frozen=True, slots=True)
class Badge:
    """A word on a coloured ground."""

    words: str
    colour: str


def draw_badges(
    canvas: Canvas, theme: Theme, badges: list[Badge], size: float, at: tuple[float, float]
) -> float:
    """Draw badges leftwards from the right edge `at`; return the left end of the last."""
    right, y = at
    for badge in badges:
        wide = text_width(badge.words, size, bold=True) + size
        box = Box(right - wide, y - size * 0.85, right, y + size * 0.85)
        canvas.pill(box, badge.colour, radius=8)
        canvas.text(right - wide / 2, y, badge.words, size, theme.on_colour, bold=True,
                    anchor="center")  # fmt: skip
        right = box.left - 12
    return right


def draw_stamp(canvas: Canvas, theme: Theme, plot: Box) -> None:
    """Write SYNTHETIC across the plot, behind everything drawn there."""
    words = "SYNTHETIC"
    size = (plot.right - plot.left) * 0.86 / text_width(words, 100, bold=True) * 100
    y = plot.top + (plot.bottom - plot.top) * 0.5
    canvas.text((plot.left + plot.right) / 2, y, words, size, theme.grid, bold=True,
                anchor="center", z=0.6)  # fmt: skip


def draw_foot(canvas: Canvas, theme: Theme, left: str, right: str, size: float) -> None:
    """Write the faint last line: what the axis shows at the left, run and time at the right."""
    y = canvas.height - size * 0.95
    room = canvas.width - 2 * MARGIN
    cut = room if not left else room - text_width(left, size) - 2 * size
    canvas.text(MARGIN, y, left, size, theme.faint, width=room)
    if right and cut > 4 * size:
        canvas.text(canvas.width - MARGIN, y, right, size, theme.faint, anchor="right", width=cut)


def draw_title(
    canvas: Canvas, theme: Theme, title: str, subtitle: str, size: float, *, synthetic: bool
) -> None:
    """Write the two title lines of a report, with the SYNTHETIC badge at the right."""
    right = canvas.width - MARGIN
    if synthetic:
        right = draw_badges(canvas, theme, [Badge("SYNTHETIC", theme.warn)], size + 2, (right, 44))
    canvas.text(MARGIN, 44, title, size + 15, theme.text, bold=True, width=right - MARGIN)
    canvas.text(MARGIN, 96, subtitle, size + 2, theme.muted, width=canvas.width - 2 * MARGIN)
