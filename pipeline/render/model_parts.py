"""The picture of what a model looks at, and how it does on each setup and symbol."""

from collections.abc import Sequence

from pipeline.domain.model import ModelCard, Slice
from pipeline.render.canvas import Canvas, text_width
from pipeline.render.frame import MARGIN
from pipeline.render.labels import Box
from pipeline.render.model_sheet import FONT, TOP, WIDTH, draw_nothing, model_sheet
from pipeline.render.model_words import NONE, share_of
from pipeline.render.theme import Theme, rgba

MOST_FEATURES = 15
_ROW, _SLICE_ROW, _NAMES = 35.0, 34.0, 420.0
_COLUMNS = (620.0, 780.0, 920.0, WIDTH - MARGIN)
_HEADS = ("signals", "reached", "score", "AUC")
_BOTTOM = 1300.0
_HINT = "contribution: mean size in log-odds"


def draw_parts(card: ModelCard, theme: Theme) -> Canvas:
    """Draw the largest contributions, then figures by setup and by symbol."""
    canvas = model_sheet(card, theme, "what it looks at", _HINT)
    y = _draw_contributions(canvas, theme, card.contributions[:MOST_FEATURES])
    groups = [("By setup", card.by_setup), ("By symbol", card.by_symbol)]
    told = [(name, slices) for name, slices in groups if slices]
    for i, (name, slices) in enumerate(told):
        share = (_BOTTOM - y) / (len(told) - i)
        y = _draw_slices(canvas, theme, (name, slices), (y, y + share))
    return canvas


def _draw_contributions(
    canvas: Canvas, theme: Theme, largest: Sequence[tuple[str, float]]
) -> float:
    """Draw one bar for each feature; return where the next part begins."""
    widest = max((abs(size) for _, size in largest), default=0.0)
    if widest == 0:
        draw_nothing(canvas, theme, "No feature moves the score.", (WIDTH / 2, TOP + 60))
        return TOP + 130
    left, right = MARGIN + _NAMES, WIDTH - MARGIN - text_width("0.000", FONT) - 20
    for i, (name, size) in enumerate(largest):
        y = TOP + 14 + i * _ROW
        canvas.text(MARGIN, y, name, FONT, theme.text, width=_NAMES - 16)
        end = left + (right - left) * abs(size) / widest
        canvas.rect(Box(left, y - 11, max(end, left + 2), y + 11), rgba(theme.gap_line, 0.8), z=2)
        canvas.text(end + 12, y, f"{abs(size):.3f}", FONT, theme.muted)
    return TOP + 14 + len(largest) * _ROW + 26


def _draw_slices(
    canvas: Canvas, theme: Theme, group: tuple[str, Sequence[Slice]], room: tuple[float, float]
) -> float:
    """Write a table into the room, the slices with most signals first; return its lower end."""
    name, slices = group
    top, bottom = room
    ordered = sorted(slices, key=lambda s: (-s.rows, s.name))
    fits = max(1, int((bottom - top - 20) / _SLICE_ROW) - 1)
    shown = ordered if len(ordered) <= fits else ordered[: fits - 1]
    y = top + 10
    canvas.text(MARGIN, y, name, FONT, theme.text, bold=True)
    for words, right in zip(_HEADS, _COLUMNS, strict=True):
        canvas.text(right, y, words, FONT - 1, theme.muted, anchor="right")
    canvas.rect(Box(MARGIN, y + 18, WIDTH - MARGIN, y + 19), theme.grid)
    for part in shown:
        y += _SLICE_ROW
        _draw_slice(canvas, theme, part, y + 4)
    if len(shown) < len(ordered):
        y += _SLICE_ROW
        more = f"… and {len(ordered) - len(shown)} more"
        canvas.text(MARGIN, y + 4, more, FONT - 1, theme.muted)
    return y + 50


def _draw_slice(canvas: Canvas, theme: Theme, part: Slice, y: float) -> None:
    words = (
        f"{part.rows:,}",
        share_of(part.positives, part.rows),
        NONE if part.mean_score is None else f"{part.mean_score:.0%}",
        NONE if part.roc_auc is None else f"{part.roc_auc:.2f}",
    )
    canvas.text(MARGIN, y, part.name, FONT, theme.text, width=_COLUMNS[0] - MARGIN - 110)
    for cell, right in zip(words, _COLUMNS, strict=True):
        canvas.text(right, y, cell, FONT, theme.text, anchor="right")
