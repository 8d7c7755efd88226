"""A model card's files: three pictures and a page in the archive, owed to the chat as an album."""

from typing import TYPE_CHECKING

from flows.model_text import card_page
from flows.research_report import Desk
from pipeline.domain.model import ModelCard

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture


async def send_card(card: ModelCard, desk: Desk) -> None:
    """Draw a card, keep its pictures and its page, and owe them to the chat that asked."""
    theme = desk.services.settings.chart_theme
    drawn = await desk.services.cpu.run(model_card_pictures, card, theme)
    pictures = [
        await desk.picture(f"_card_{number}.png", picture, caption)
        for number, (picture, caption) in enumerate(drawn, start=1)
    ]
    page = card_page(card, [picture.png for picture, _ in drawn])
    path = await desk.keep("_card.html", page, "model_card", "text/html")
    await desk.album(pictures)
    await desk.document(path, "The card, to keep")


def model_card_pictures(card: ModelCard, theme: str) -> "list[tuple[Picture, str]]":
    """Return a card's pictures with a line for each; runs in a computing process."""
    from pipeline.render.model_card import CAPTIONS, model_pictures  # noqa: PLC0415

    return list(zip(model_pictures(card, theme=theme), CAPTIONS, strict=True))
