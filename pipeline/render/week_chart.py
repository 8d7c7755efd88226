"""The picture of a week: what each group of signals made, and each setup's promise and result."""

from pipeline.live.weekly import Group, SetupWeek, Sum, WeekCard
from pipeline.render.canvas import Canvas, Picture
from pipeline.render.frame import MARGIN, draw_foot, draw_title
from pipeline.render.labels import Box
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.week_words import (
    TITLES,
    counts_words,
    effect_words,
    mean_words,
    promise_words,
    sum_words,
)
from pipeline.render.words import count, total_words

WIDTH, HEIGHT, FONT = 1080, 1350, 24.0
_TOP, _ROW, _SETUP = 168.0, 82.0, 120.0
_BARS = (700.0, 900.0)  # where the bars of sums lie; zero is in their middle
_COLUMNS = (600.0, 830.0, WIDTH - MARGIN)  # right ends: approved, rejected, all others
_BOTTOM = 1290.0


def week_chart(
    card: WeekCard, *, title: str, theme: str = "tv_dark", foot: str = "", synthetic: bool = False
) -> Picture:
    """Draw a week, 1080×1350; of many setups those with the most signals."""
    return draw_week(card, (title, foot), theme_named(theme), synthetic=synthetic).picture()


def draw_week(
    card: WeekCard, words: tuple[str, str], theme: Theme, *, synthetic: bool = False
) -> Canvas:
    """Return the finished drawing before it becomes a PNG."""
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    title, foot = words
    draw_title(canvas, theme, title, counts_words(card), FONT, synthetic=synthetic)
    y, widest = _TOP, max((abs(group.sum.total) for group in card.groups), default=0.0)
    for group in card.groups:
        _draw_group(canvas, theme, group, widest, y)
        y += _ROW
    if card.at_once.trades:
        once = f"The approved ones taken at once: {total_words(card.at_once.total)} R"
        canvas.text(MARGIN, y, once, FONT - 2, theme.muted, width=WIDTH - 2 * MARGIN)
        y += 42
    if not card.groups:
        canvas.text(MARGIN, y + 20, "No signals.", FONT, theme.muted)
    else:
        _draw_setups(canvas, theme, card, y + 30)
    draw_foot(
        canvas,
        theme,
        "net of costs; ± standard error; coloured where told from zero",
        foot,
        FONT - 2,
    )
    return canvas


def _draw_group(canvas: Canvas, theme: Theme, group: Group, widest: float, y: float) -> None:
    """Write a group with its sum, and a bar from zero."""
    right = WIDTH - MARGIN
    name = canvas.text(MARGIN, y, TITLES[group.fate], FONT + 1, theme.text, bold=True)
    canvas.text(name.right + 12, y, f"· {group.signals}", FONT + 1, theme.muted)
    words, effect = sum_words(group.sum), effect_words(group)
    canvas.text(MARGIN, y + 36, f"{words} · {effect}" if effect else words, FONT - 2, theme.muted,
                width=right - MARGIN)  # fmt: skip
    if group.sum.trades:
        colour = _colour(theme, group.sum)
        canvas.text(right, y, f"{total_words(group.sum.total)} R", FONT + 3, colour, bold=True,
                    anchor="right")  # fmt: skip
        _draw_bar(canvas, theme, group.sum.total, widest, y)


def _draw_bar(canvas: Canvas, theme: Theme, total: float, widest: float, y: float) -> None:
    middle, half = sum(_BARS) / 2, (_BARS[1] - _BARS[0]) / 2
    long = 0.0 if widest == 0 else half * abs(total) / widest
    ends = (middle, middle + long) if total >= 0 else (middle - long, middle)
    colour = rgba(theme.target if total >= 0 else theme.stop, 0.8)
    canvas.rect(Box(ends[0], y - 11, ends[1], y + 11), colour, z=2)
    canvas.rect(Box(middle - 1, y - 18, middle + 1, y + 18), theme.muted, z=3)


def _draw_setups(canvas: Canvas, theme: Theme, card: WeekCard, top: float) -> None:
    heads = ("approved", "rejected", "all others")
    canvas.text(MARGIN, top, "By setup, mean R", FONT, theme.text, bold=True)
    for words, right in zip(heads, _COLUMNS, strict=True):
        canvas.text(right, top, words, FONT - 2, theme.muted, anchor="right")
    room = _BOTTOM - top - 20
    fits = len(card.setups) * _SETUP <= room
    shown = card.setups if fits else card.setups[: int((room - 50) // _SETUP)]
    y = top + 20
    for setup in shown:
        _draw_setup(canvas, theme, setup, y)
        y += _SETUP
    if len(shown) < len(card.setups):
        more = f"… and {len(card.setups) - len(shown)} more setups"
        canvas.text(MARGIN, y + 34, more, FONT - 2, theme.muted)


def _draw_setup(canvas: Canvas, theme: Theme, setup: SetupWeek, top: float) -> None:
    y, first = top + 34, _COLUMNS[0] - 190
    canvas.rect(Box(MARGIN, top, WIDTH - MARGIN, top + 1), theme.grid)
    canvas.text(MARGIN, y, setup.setup_id, FONT, theme.text, bold=True, width=first - MARGIN - 14)
    signals = count(setup.signals, "signal")
    canvas.text(MARGIN, y + 34, signals, FONT - 2, theme.muted, width=first - MARGIN - 14)
    sums = (setup.approved, setup.rejected, setup.others)
    for made, right in zip(sums, _COLUMNS, strict=True):
        if made.mean is None:
            canvas.text(right, y, "–", FONT, theme.faint, anchor="right")
            continue
        canvas.text(right, y, mean_words(made), FONT, _colour(theme, made), bold=True,
                    anchor="right", width=200)  # fmt: skip
        words = f"n {made.trades} · {total_words(made.total)} R"
        canvas.text(right, y + 34, words, FONT - 2, theme.muted, anchor="right", width=200)
    words = promise_words(setup.promise) or "no trade"
    canvas.text(MARGIN, y + 68, words, FONT - 2, theme.muted, width=WIDTH - 2 * MARGIN)


def _colour(theme: Theme, made: Sum) -> str:
    """Return the colour of a sum; one that chance may have made claims nothing."""
    if not made.told_from_zero:
        return theme.text
    return theme.target if made.total > 0 else theme.stop
