"""What the pictures of a model card have in common: size, title, verdict, foot."""

from pipeline.domain.model import ModelCard
from pipeline.render.canvas import Canvas, text_width
from pipeline.render.frame import MARGIN, draw_foot, draw_title
from pipeline.render.labels import wrap_text
from pipeline.render.model_words import judged_on, title_of
from pipeline.render.theme import Theme

WIDTH, HEIGHT, FONT = 1080, 1350, 23.0
TOP = 252.0
"""Where a picture's own part begins."""
_SMALL, _VERDICT_LINES = FONT - 1, 4


def model_sheet(card: ModelCard, theme: Theme, subject: str, hint: str) -> Canvas:
    """Return a sheet with the title, the sentence of the verdict, and the foot.

    `hint` says at the bottom how the picture is read.
    """
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    title = f"{title_of(card)} · {subject}"
    draw_title(canvas, theme, title, judged_on(card), FONT - 1, synthetic=False)
    promoted = card.verdict is not None and card.verdict.promoted
    colour = theme.target if promoted else theme.warn
    room = WIDTH - 2 * MARGIN
    lines = wrap_text(card.sentence, room, _VERDICT_LINES, _width)
    for i, line in enumerate(lines):
        canvas.text(MARGIN, 136 + i * 29, line, _SMALL, colour)
    draw_foot(canvas, theme, hint, card.manifest.run_id, FONT - 1)
    return canvas


def _width(words: str) -> float:
    return text_width(words, _SMALL)


def draw_nothing(canvas: Canvas, theme: Theme, words: str, at: tuple[float, float]) -> None:
    """Say why there is nothing to draw, centred on `at`."""
    x, y = at
    canvas.text(x, y, words, FONT, theme.muted, anchor="center", width=2 * (x - MARGIN))
