"""The weekly card's picture, drawn in a computing process."""

from typing import TYPE_CHECKING

from pipeline.live.weekly import WeekCard

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture


def draw_card(card: WeekCard, title: str, theme: str, foot: str, *, synthetic: bool) -> "Picture":
    """Draw a weekly card."""
    from pipeline.render.week_chart import week_chart  # noqa: PLC0415

    return week_chart(card, title=title, theme=theme, foot=foot, synthetic=synthetic)
